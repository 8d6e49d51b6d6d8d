"""Rate tables: their accuracy, and that rows do not depend on the table that has them."""

from itertools import pairwise

import numpy as np
import pytest
import reference
from exact_rates import exact_rates

import pyhh_fast as pyhh
from pyhh_fast import _rate_tables, rate_tables
from pyhh_fast.rate_tables import hodgkin_huxley, tabulate

CLAIM = 2e-14
"""Claimed relative accuracy of the rates."""


def largest_error(table, V):
    """The largest relative error of a table, against the paper's formulas in 50 digits."""
    got = table(np.ascontiguousarray(V))
    names = ["alpha_m", "alpha_h", "alpha_n", "beta_m", "beta_h", "beta_n"]
    order = ["alpha_m", "beta_m", "alpha_h", "beta_h", "alpha_n", "beta_n"]
    columns = [order.index(name) for name in names]
    exact = [[exact_rates(v)[column] for column in columns] for v in V]
    with_exact = zip(got, exact, strict=True)
    return max(
        abs(float(type(want)(float(x)) / want - 1))
        for row, wants in with_exact
        for x, want in zip(row, wants, strict=True)
    )


@pytest.fixture(scope="module")
def table():
    return tabulate(hodgkin_huxley, -1_000.0, 1_000.0)


def test_rates_are_exact_over_the_whole_table(table):
    V = np.random.default_rng(0).uniform(-1_000, 1_000, 1_500)
    assert largest_error(table, V) < CLAIM


def test_rates_are_exact_to_4e_15_in_the_physiological_range(table):
    V = np.random.default_rng(1).uniform(-100, 150, 1_500)
    assert largest_error(table, V) < 4e-15


@pytest.mark.parametrize("removable", [10.0, 25.0])
def test_rates_are_exact_at_and_near_the_removable_points(table, removable):
    gaps = 10.0 ** np.arange(-14, 0)
    assert largest_error(table, removable + np.concatenate([[0.0], gaps, -gaps])) < 4e-15
    rates = table(np.array([10.0, 25.0]))
    np.testing.assert_allclose([rates[0, 2], rates[1, 0]], [0.1, 1.0], rtol=1e-15)


def test_rates_are_exact_on_both_sides_of_row_borders(table):
    borders = (np.arange(-400, 800, 7) + 0.5) * table.width
    below = np.nextafter(borders, -np.inf)
    assert largest_error(table, np.concatenate([borders, below])) < CLAIM
    jumps = np.abs(table(borders) / table(below) - 1)
    assert jumps.max() < CLAIM


def test_fit_inverts_the_vandermonde_matrix_of_the_nodes():
    # The fit of r^p alone has the coefficient 1 for p and 0 for the others.
    nodes = np.array(_rate_tables.NODES)
    np.testing.assert_allclose(nodes, np.cos((2 * np.arange(6) + 1) * np.pi / 12) / 2, atol=1e-16)
    values = np.repeat((nodes ** np.arange(6)[:, np.newaxis])[:, :, np.newaxis], 6, axis=2)
    rows = np.empty((6, 6, 8))
    _rate_tables.fit(np.ascontiguousarray(values), rows)
    for power in range(6):
        scale = 0.5 ** np.arange(6)  # weight of a coefficient at the border of a row
        expected = np.where(np.arange(6) == power, 1.0, 0.0)
        np.testing.assert_allclose(rows[power, :, 0] * scale, expected * scale, atol=1e-15)
    assert (rows[:, :, [3, 7]] == 0).all()


def test_fit_refuses_arrays_of_different_lengths():
    with pytest.raises(ValueError, match="one length"):
        _rate_tables.fit(np.zeros((2, 6, 6)), np.zeros((3, 6, 8)))


def test_rows_do_not_depend_on_the_range_of_the_table():
    small, large = tabulate(hodgkin_huxley, -20, 30), tabulate(hodgkin_huxley, -300, 400)
    skip = small.first - large.first
    np.testing.assert_array_equal(large.rows[skip : skip + len(small.rows)], small.rows)


def test_tables_cover_their_range():
    for low, high in pairwise([-1_000.0, -50.0, 10.0, 150.0, 1_000.0]):
        table = tabulate(hodgkin_huxley, low, high)
        assert table.low <= low < high <= table.high
        assert (table.first, table.width) == (low * 4, 0.25)
        assert table.rows.ctypes.data % 64 == 0


@pytest.mark.parametrize(
    ("V", "expected"),
    [
        (0, (-50, 150)),
        (-50.5, (-100, 150)),
        (-250, (-300, 150)),
        (151, (-50, 200)),
        (950, (-50, 1_000)),
        (-999.5, (-1_000, 150)),
    ],
)
def test_ranges_extend_to_multiples_of_100_mV(V, expected):
    assert rate_tables.range_with(V) == expected


def test_built_in_table_is_made_once_and_extended(monkeypatch):
    monkeypatch.setattr(rate_tables, "_built_in", None)
    table = rate_tables.built_in(0.0)
    assert rate_tables.built_in(100.0) is table
    grown = rate_tables.built_in(-180.0)
    assert grown.low <= -180 < 150 <= grown.high
    assert rate_tables.built_in(0.0) is grown


@pytest.mark.parametrize("V", [150.125, -50.125, 200.125, -100.125])
def test_rates_at_the_ends_of_tables_do_not_depend_on_earlier_runs(V, monkeypatch):
    found = []
    for before in (0.0, -180.0, 240.0):
        monkeypatch.setattr(rate_tables, "_built_in", None)
        rate_tables.built_in(before)
        table = rate_tables.built_in(V)
        assert table.low < V < table.high
        found.append(table(np.array([V])))
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_rows_times_dt_are_cached_for_the_latest_dt():
    table = tabulate(hodgkin_huxley, -20, 30)
    for dt in (0.01, 0.02, 1.0):
        rows = table.times(dt)
        alpha, beta = table.rows[:, :, :4] * dt, table.rows[:, :, 4:] * dt
        np.testing.assert_array_equal(rows, np.concatenate([alpha, alpha + beta], axis=2))
        assert table.times(dt) is rows
        assert rows.ctypes.data % 64 == 0
    rows = table.times_phi1(0.01)
    assert table.times_phi1(0.01) is rows is not table.times_phi1(0.02)
    assert rows.ctypes.data % 64 == 0


def run_to(V, **parameters):
    """A run whose V is driven to about V, passively, and held there."""
    model = pyhh.HHModel(gNa=0, gK=0, gKleak=1.0, EKleak=V, **parameters)
    simulation = pyhh.Simulation(model)
    simulation.run(0.0, 5e-5 if V < -100 else 0.01, duration=0.2 if V < -100 else 20.0)
    return simulation


@pytest.mark.parametrize("V", [-200.0, -130.0, 200.0, 400.0, 900.0])
def test_runs_beyond_the_first_range_match_the_reference(V, monkeypatch):
    monkeypatch.setattr(rate_tables, "_built_in", None)
    start = pyhh.HHModel(0.9 * V)
    dt = 1e-6 if V < 0 else 1e-3
    model = pyhh.HHModel(0.9 * V, ENa=V, EK=V, EKleak=V)
    simulation = pyhh.Simulation(model)
    simulation.run(0.0, dt, duration=500 * dt)
    first = reference.pyhh_start(start.Vm)
    expected = reference.euler(
        reference.Parameters(ENa=V, EK=V, EKleak=V), first, np.zeros(500), dt
    )
    np.testing.assert_allclose(simulation.Vm, expected.V, rtol=1e-12)
    np.testing.assert_allclose(simulation.StateM, expected.m, rtol=1e-11)
    np.testing.assert_allclose(simulation.StateH, expected.h, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("V", [-1_500.0, 1_500.0, 8_000.0])
def test_runs_beyond_all_tables_evaluate_the_formulas(V):
    dt = 1e-60 if V < 0 else 1e-3
    model = pyhh.HHModel(V, ENa=V, EK=V, EKleak=V - 10)
    simulation = pyhh.Simulation(model)
    simulation.run(0.0, dt, duration=20 * dt)
    expected = reference.euler(
        reference.Parameters(ENa=V, EK=V, EKleak=V - 10), reference.pyhh_start(V), np.zeros(20), dt
    )
    np.testing.assert_allclose(simulation.Vm, expected.V, rtol=1e-13)
    np.testing.assert_allclose(simulation.StateM, expected.m, rtol=1e-12)
    np.testing.assert_allclose(model.h.beta, reference.rates(simulation.Vm[-2]).beta_h, rtol=1e-12)


def test_results_do_not_depend_on_the_range_of_the_table(monkeypatch):
    def trace():
        model = pyhh.HHModel.at_rest()
        stimulus = np.repeat([0.0, 4_000.0, 0.0, -400.0, 10.0], [100, 20, 500, 30, 2_000])
        simulation = pyhh.Simulation(model)
        simulation.run(stimulus, 0.002)
        return simulation.Vm

    monkeypatch.setattr(rate_tables, "_built_in", None)
    growing = trace()
    assert growing.max() > 150
    monkeypatch.setattr(rate_tables, "_built_in", tabulate(hodgkin_huxley, -1_000, 1_000))
    np.testing.assert_array_equal(trace(), growing)


@pytest.mark.parametrize("V", np.linspace(1_000.01, 1_000.11, 8))
def test_run_at_the_end_of_all_tables_may_be_divided_anywhere(V):
    def model():
        # Without conductances V stays where the first step puts it, while the gates change.
        cell = pyhh.HHModel(999.98, gNa=0, gK=0, gKleak=0)
        cell.m.state = cell.h.state = cell.n.state = 0.3
        return cell

    dt = 2e-3
    stimulus = np.zeros(8)
    stimulus[0] = (V - 999.98) / dt
    whole = pyhh.Simulation(model())
    whole.Run(stimulus, dt)
    assert 1_000 < whole.Vm[0] == whole.Vm[-1] < 1_000.125
    for cut in (1, 2, 5):
        pieces = pyhh.Simulation(model())
        pieces.Run(stimulus[:cut], dt)
        pieces.Run(stimulus[cut:], dt)
        for name in ("Vm", "StateM", "StateH", "StateN"):
            np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name)[cut:])
