"""The compiled equations, rate tables and time loops, called directly.

These tests also run against the checked and sanitizer builds.
"""

import importlib
import sys
import threading
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest
import reference
from exact_rates import exact_rates
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast import _cpu, _rate_tables, rate_tables
from pyhh_fast.engine.kernels import NO_CONDUCTANCE, fields_of_hodgkin_huxley, struct
from pyhh_fast.methods import METHODS
from pyhh_fast.models import membrane
from pyhh_fast.variables import VARIABLES

RATES = ["alpha_m", "beta_m", "alpha_h", "beta_h", "alpha_n", "beta_n"]
STATE = ["V", "m", "h", "n"]
CURRENTS = ["I_Na", "I_K", "I_L"]
REST = reference.steady(0.0)


def compiled_rates(V):
    V = np.array(V, dtype=float, ndmin=1)
    rates = np.zeros(V.size, [(name, float) for name in RATES])
    _rate_tables.rates_at(V, rates)
    return rates


def relative_errors(V):
    exact = exact_rates(V)
    return [
        abs(float((Decimal(float(got)) - want) / want))
        for got, want in zip(compiled_rates(V)[0], exact, strict=True)
    ]


LOOPS = {level: importlib.import_module(f"pyhh_fast._loops_{level}") for level in _cpu.levels()}
NO_RATES = np.empty((0, _rate_tables.LINE))
TABLE = rate_tables.tabulate(rate_tables.hodgkin_huxley, -200.0, 300.0)


@pytest.fixture(params=LOOPS, autouse=True)
def level(request):
    """The instruction set that `kernel` runs on."""
    global loop
    loop = LOOPS[request.param]
    return request.param


def rates_of(table, rows):
    """The rates for a loop: those of a table, and no others."""
    return loop.Rates(rows, table.first, table.inverse_width, table.low, table.high, NO_RATES)


def membrane_of(parameters):
    return loop.Membrane.of_hodgkin_huxley(np.array([tuple(parameters)], loop.PARAMETERS))


FIELDS = fields_of_hodgkin_huxley(STATE[1:], CURRENTS)


def record_of(state=(0.0,) * 4):
    record = struct(loop.RECORD)
    FIELDS.put_state(record, state)
    return record


def values_of(record):
    """All that the record of a neuron holds, by name."""
    return FIELDS.values(record) | {name: int(record[name][0]) for name in ("step", "spikes")}


def settings(dt, method="euler"):
    return struct(loop.FIXED_STEP_SETTINGS, method=loop.Method[method], dt=dt, threshold=50.0)


def kernel(state=REST, parameters=None, I=(10.0,) * 100, dt=0.01, cuts=(), table=TABLE):  # noqa: E741
    """Run the loop over all of I, in pieces ending at `cuts`; return cell, traces, how it ended."""
    record = record_of(state)
    p = membrane_of(parameters or reference.Parameters())
    I = np.asarray(I, dtype=float)  # noqa: E741
    traces = {name: np.full(len(I), -999.0) for name in STATE + CURRENTS}
    ended = loop.Ending.DONE
    rates = rates_of(table, table.times(dt))
    for start, stop in pairwise((0, *cuts, len(I))):
        if ended == loop.Ending.DONE:
            out = tuple(trace[start:stop] for trace in traces.values())
            ended, _ = loop.fixed_step(
                *(settings(dt), record, p, rates, I[start:stop], NO_CONDUCTANCE),
                *(np.empty(len(I)), out),
            )
    return values_of(record), traces, ended


@pytest.mark.parametrize(
    ("low", "high", "bound"),
    # Rounding of the exponent, |x| 2^-53, is most of it: |x| is 14 at 250 mV, 55 at 1000 mV.
    [(-150.0, 250.0, 4e-15), (-1000.0, 1000.0, 1.5e-14)],
)
def test_rates_match_the_paper(low, high, bound):
    V = np.random.default_rng(0).uniform(low, high, 500)
    assert max(max(relative_errors(v)) for v in V) < bound


@pytest.mark.parametrize("removable", [10.0, 25.0])
def test_rates_near_the_removable_points(removable):
    gaps = np.concatenate([[0], 10.0 ** np.arange(-15, 1), -(10.0 ** np.arange(-15, 1))])
    assert max(max(relative_errors(removable + gap)) for gap in gaps) < 1e-15


def test_rates_at_extreme_V_underflow_and_overflow():
    far = compiled_rates([-13_000.0, 13_000.0, 14_500.0, -1e308, 1e308, np.nan])
    np.testing.assert_array_equal(far["beta_m"][[0, 3, 4]], [np.inf, np.inf, 0.0])
    assert 0 < far["beta_m"][1] < 1e-300
    assert 0 < far["beta_h"][1] <= 1
    assert 0 < far["alpha_h"][2] < 1e-300  # 0.07 e^-725 is subnormal
    assert np.isnan(far[5].tolist()).all()


def test_rates_refuse_an_output_of_another_length():
    with pytest.raises(ValueError, match="one length"):
        _rate_tables.rates_at(np.zeros(3), np.zeros(2, [(name, float) for name in RATES]))


@given(
    V=st.floats(-100, 150),
    gates=st.tuples(*[st.floats(0, 1)] * 3),
    current=st.floats(-200, 200),
    dt=st.floats(1e-4, 0.05),
)
def test_one_step_matches_the_reference(V, gates, current, dt):
    state = reference.State(V, *gates)
    _, traces, ended = kernel(state, I=[current], dt=dt)
    expected = reference.euler(reference.Parameters(), state, [current], dt)
    assert ended != loop.Ending.NOT_FINITE
    for got, want in zip(traces.values(), vars(expected).values(), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-13)


def test_run_matches_the_reference():
    I = 20 * np.random.default_rng(1).random(20_000)  # noqa: E741
    parameters = reference.Parameters(Cm=1.3, gNa=110, gK=30, gKleak=0.4, ENa=110, EK=-10)
    cell, traces, _ = kernel(parameters=parameters, I=I)
    expected = reference.euler(parameters, REST, I, 0.01)
    for got, want in zip(traces.values(), vars(expected).values(), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9)
    assert [cell[name] for name in STATE] == [traces[name][-1] for name in STATE]
    assert [cell[name] for name in CURRENTS] == [traces[name][-1] for name in CURRENTS]
    assert cell["step"] == 20_000


def test_cell_holds_V_before_its_last_step():
    cell, traces, _ = kernel()
    assert cell["V_before"] == traces["V"][-2]
    cell, _, _ = kernel(I=[10.0])
    assert cell["V_before"] == REST.V


@given(cuts=st.lists(st.integers(0, 300), max_size=6).map(sorted))
def test_results_do_not_depend_on_where_a_run_is_cut(cuts):
    I = 30 * np.random.default_rng(2).random(300)  # noqa: E741
    whole_cell, whole, _ = kernel(I=I)
    cell, traces, _ = kernel(I=I, cuts=cuts)
    assert cell == whole_cell
    for name in whole:
        np.testing.assert_array_equal(traces[name], whole[name])


def test_stimulus_may_be_strided_constant_or_read_only():
    I = np.zeros(600)  # noqa: E741
    I[::3] = 40 * np.random.default_rng(3).random(200)
    I.setflags(write=False)
    _, strided, _ = kernel(I=I[::3])
    _, dense, _ = kernel(I=I[::3].copy())
    np.testing.assert_array_equal(strided["V"], dense["V"])
    _, repeated, _ = kernel(I=np.broadcast_to(np.float64(7.0), 200))
    _, dense, _ = kernel(I=np.full(200, 7.0))
    np.testing.assert_array_equal(repeated["V"], dense["V"])


@pytest.mark.parametrize("fatal", [0, 1, 57])
def test_step_to_a_non_finite_state_is_rejected(fatal):
    I = np.full(100, 10.0)  # noqa: E741
    I[fatal] = np.inf
    cell, traces, ended = kernel(I=I)
    assert ended == loop.Ending.NOT_FINITE
    assert cell["step"] == fatal
    before, _, _ = kernel(I=I[:fatal])
    assert cell == before
    for trace in traces.values():
        np.testing.assert_array_equal(trace[fatal:], -999.0)


@pytest.mark.parametrize("gate", ["m", "h", "n"])
def test_non_finite_gate_ends_the_run(gate):
    # The gate overflows while V is constant: there are no conductances.
    parameters = reference.Parameters(gNa=0.0, gK=0.0, gKleak=0.0)
    _, traces, ended = kernel(REST, parameters=parameters, I=[0.0], dt=1e300)
    assert ended == loop.Ending.DONE
    assert traces["V"][0] == 0
    state = REST._replace(**{gate: 1e70})
    cell, _, ended = kernel(state, parameters=parameters, I=[0.0], dt=1e300)
    assert ended == loop.Ending.NOT_FINITE
    assert cell["step"] == 0


def test_empty_stimulus_changes_nothing():
    cell, _, ended = kernel(I=[])
    assert ended == loop.Ending.DONE
    assert cell["step"] == 0
    assert [cell[name] for name in STATE] == list(REST)


def test_rates_below_minus_7000_mV_match_the_paper():
    # exprelr has a branch of its own below -700, here -705 and -706.5.
    assert max(relative_errors(-7_040.0)) < 1e-12


def test_exponential_is_accurate_to_the_last_place():
    # |x| is 0.35 at most: no rounding of x hides the error of the series.
    V = np.random.default_rng(4).uniform(-28, 28, 1_000)
    assert max(relative_errors(v)[RATES.index("beta_n")] for v in V) < 2e-16


def test_loop_releases_the_gil(monkeypatch):
    go, ran = threading.Event(), []
    thread = threading.Thread(target=lambda: ran.append(go.wait()))
    record, p = record_of(), membrane_of(reference.Parameters())
    rates = rates_of(TABLE, TABLE.times(0.01))
    I, *traces = np.zeros((8, 1_000_000))  # noqa: E741
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1_000)  # s: only a release of the GIL lets the other thread in
    try:
        thread.start()
        go.set()
        before = len(ran)
        loop.fixed_step(
            *(settings(0.01), record, p, rates, I, NO_CONDUCTANCE),
            *(np.empty(9_999), tuple(traces)),
        )
        after = len(ran)
    finally:
        sys.setswitchinterval(interval)
    thread.join()
    assert (before, after) == (0, 1)


def test_outputs_and_structs_are_in_the_order_of_the_table_of_variables():
    symbols = [variable.symbol for variable in VARIABLES.values()]
    assert [variable.name for variable in loop.Variable] == symbols
    assert membrane.PARAMETER_STRUCT == loop.PARAMETERS
    assert list(FIELDS.names) == [*symbols, "V_before"]


def test_methods_of_fixed_step_are_those_of_the_kernels():
    fixed = [name for name, method in METHODS.items() if method.fixed_step]
    assert [method.name for method in loop.Method] == fixed


def test_variables_without_an_array_are_not_written():
    def run(skipped):
        record = record_of((10.0, 0.1, 0.5, 0.3))
        out = tuple(None if v in skipped else np.full(100, -999.0) for v in loop.Variable)
        rest = (membrane_of(reference.Parameters()), rates_of(TABLE, TABLE.times(0.01)))
        I = np.full(100, 10.0)  # noqa: E741
        loop.fixed_step(settings(0.01), record, *rest, I, NO_CONDUCTANCE, np.empty(9), out)
        return values_of(record), out

    cell, every = run(())
    assert not (np.array(every) == -999.0).any()
    same_cell, some = run((loop.Variable.m, loop.Variable.I_Na))
    assert same_cell == cell
    for whole, part in zip(every, some, strict=True):
        assert part is None or (part == whole).all()


@pytest.mark.parametrize("outputs", [(), (None,) * 6, (None,) * 8])
def test_wrong_number_of_outputs_is_refused(outputs):
    rest = (membrane_of(reference.Parameters()), rates_of(TABLE, TABLE.times(0.01)))
    with pytest.raises(ValueError, match="outputs must have an array or None for each variable"):
        loop.fixed_step(
            *(settings(0.01), record_of(), *rest),
            *(np.zeros(1), NO_CONDUCTANCE, np.empty(1), outputs),
        )
