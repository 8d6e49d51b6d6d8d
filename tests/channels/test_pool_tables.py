"""Tables over concentrations are right to 1e-12, and arrays of pools are as kernels read them."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from calcium_neurons import bursting, low_threshold

from pyhh_fast import Channel, Gate, Neuron, Pool, _rate_tables
from pyhh_fast.channels.layout import membrane_of
from pyhh_fast.kinetics.declared import pool_rows_of, rows_of
from pyhh_fast.rate_forms import sigmoid
from pyhh_fast.settings import RunSettings

LOW, HIGH = 2.0**-27, 2.0**8


def concentrations(size=20_000):
    inside = np.exp2(np.random.default_rng(1).uniform(-27, 8, size))
    ends = np.exp2(np.arange(-27.0, 8.0))
    return np.concatenate([inside, ends, np.nextafter(2 * ends, 0)])


def gate_of(**functions):
    gate = Gate(of="Ca", **functions)
    neuron = Neuron(L=Channel(1, E=0, feeds="Ca", q=gate), Ca=Pool(1e-4, 5, gain=1))
    return neuron.pool_tables["L.q"]


def hill(power, k):
    return lambda Ca: Ca**power / (Ca**power + k**power)


@pytest.mark.parametrize("power", [1, 2, 3, 4])
@pytest.mark.parametrize("k", [1e-4, 3e-3, 0.5])
def test_hill_functions_are_right_to_1e_12(power, k):
    table = gate_of(inf=hill(power, k), instantaneous=True)
    Ca = concentrations()
    inf, one = table(Ca)
    exact = hill(power, np.longdouble(k))(Ca.astype(np.longdouble))
    # As over V, steady states below 1e-3 count as that much.
    assert (np.abs(inf - exact) / (exact + 1e-3)).max() < 1e-12
    assert (one == 1).all()


# Rates of gates of calcium, per ms and mM, as in their papers.
PUBLISHED = {
    "Destexhe et al. 1994, AHP": {"alpha": lambda Ca: 48 * Ca**2, "beta": lambda Ca: 0.03 + 0 * Ca},
    "Wang 1998, AHP": {"inf": lambda Ca: Ca / (Ca + 0.03), "tau": lambda Ca: 5 + 0 * Ca},
    "Yamada et al. 1989, AHP": {
        "alpha": lambda Ca: 1.3e13 / 1e3 * (Ca * 1e-3) ** 4 * 1e12 / 1e12 + 1e-9 * Ca,
        "beta": lambda Ca: 5e-3 + 0 * Ca,
    },
    "Moczydlowski and Latorre 1983, at one V": {
        "alpha": lambda Ca: 0.28 * Ca / (Ca + 0.48e-3 * np.exp(-2 * 0.84 * 0.5)),
        "beta": lambda Ca: 0.48 / (1 + Ca / (0.13e-6 * np.exp(-2 * 0.96 * 0.5))),
    },
    "Purvis and Butera 2005, SK": {
        "inf": lambda Ca: 0.81 * Ca**4 / (Ca**4 + (0.3e-3) ** 4),
        "tau": lambda Ca: 60 - 50 * Ca / (Ca + 1e-3),
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_functions_of_calcium_are_right_to_1e_12(name):
    gate, Ca = PUBLISHED[name], concentrations()
    alpha, total = gate_of(**gate)(Ca)
    wide = Ca.astype(np.longdouble)
    if "alpha" in gate:
        exact_alpha, exact_total = gate["alpha"](wide), gate["alpha"](wide) + gate["beta"](wide)
    else:
        exact_total = 1 / gate["tau"](wide)
        exact_alpha = gate["inf"](wide) * exact_total
    np.testing.assert_allclose(total, np.float64(exact_total), rtol=1e-12)
    assert (np.abs(alpha - exact_alpha) / (exact_alpha + 1e-3 * exact_total)).max() < 1e-12


def test_rows_are_halved_where_a_function_is_steep_and_gates_of_a_pool_share_their_number():
    def steep(Ca):
        return 1 / (1 + np.exp(-np.clip((Ca - 0.05) / 1e-3, -600, 600)))

    assert gate_of(inf=steep, instantaneous=True).width < 2**-6
    narrow = Gate(
        inf=lambda Ca: np.exp(-((np.log(Ca / 0.01) / 0.05) ** 2)), instantaneous=True, of="Ca"
    )
    smooth = Gate(inf=hill(1, 1e-3), instantaneous=True, of="Ca")
    parts = {"Ca": Pool(1e-4, 5, gain=1), "Cb": Pool(1e-4, 5, gain=1)}
    with pytest.warns(UserWarning, match="no channel feeds pool Cb"):
        both = Neuron(
            A=Channel(1, E=0, feeds="Ca", x=narrow),
            B=Channel(1, E=0, x=smooth),
            C=Channel(1, E=0, x=Gate(inf=hill(1, 1e-3), instantaneous=True, of="Cb")),
            **parts,
        )
    widths = {path: table.width for path, table in both.pool_tables.items()}
    assert widths["A.x"] == widths["B.x"] < widths["C.x"] == 2**-6
    Ca = concentrations(4000)
    np.testing.assert_allclose(both.pool_tables["B.x"](Ca)[0], hill(1, 1e-3)(Ca), rtol=1e-12)


def test_a_0_divided_by_0_is_its_limit_over_calcium():
    table = gate_of(
        inf=lambda Ca: np.expm1(-(Ca - 0.01)) / -(Ca - 0.01) * np.exp(-Ca), instantaneous=True
    )
    Ca = 0.01 * (1 + np.array([0, 1e-9, -1e-5, 0.003]))
    np.testing.assert_allclose(table(Ca)[0], np.exp(-Ca), rtol=0.01)
    assert table(np.array([0.01]))[0, 0] == pytest.approx(math.exp(-0.01), rel=1e-11)


def test_slopes_over_calcium():
    table, Ca = gate_of(alpha=lambda Ca: 48 * Ca**2, beta=lambda Ca: 0.03), concentrations(2000)
    exact = 96 * Ca
    np.testing.assert_allclose(table.slopes(Ca)[0], exact, rtol=1e-9)
    assert (np.abs(table.slopes(Ca)[1] - exact) * Ca / (0.03 + 48 * Ca**2)).max() < 1e-9


# Arrays for the kernels.


def looked_up(rows, first, bits, vectors, Ca):
    """Return alpha and alpha + beta of all lanes at a concentration, shape (vectors, 2, 4)."""
    number = int(np.float64(Ca).view(np.uint64)) >> (52 - bits)
    octave, place = (number >> bits) - 1023, number & (2**bits - 1)
    begin = 2.0**octave * (1 + place / 2**bits)
    r = (Ca - begin) / (2.0 ** (octave - bits)) - 0.5
    assert -0.5 <= r < 0.5
    of_row = rows.reshape(-1, vectors, 6, 2, 4)[number - first]
    return np.tensordot(r ** np.arange(6), of_row, (0, 1))


DT = 0.05


def expected(path, gate, Ca, method, own_speed=()):
    """Return what the rates of a gate are multiplied by at a concentration."""
    if gate.times is not None:
        return gate.times[1](Ca), 1
    if "alpha" in gate.functions:
        alpha, total = gate.alpha(Ca), gate.alpha(Ca) + gate.beta(Ca)
    else:
        total = 1 / gate.tau(Ca)
        alpha = gate.inf(Ca) * total
    if gate.instantaneous:
        return alpha / total, 1
    step = gate.speed * (1 if method == "adaptive" else DT)
    alpha, total = alpha * step, total * step
    if method == "exponential_euler" and path not in own_speed:
        phi1 = -math.expm1(-total) / total
        alpha, total = alpha * phi1, total * phi1
    return alpha, total


@pytest.mark.parametrize("method", ["euler", "rk4", "exponential_euler", "adaptive"])
@pytest.mark.parametrize("own_speed", [(), ("AHP.q",)])
def test_rows_of_pools_are_factors_of_the_rates(method, own_speed):
    neuron = bursting().replace({"AHP.q.speed": 1.7})
    layout = membrane_of(neuron)
    settings = RunSettings(dt=DT, method=method)
    ((rows, first, bits),) = pool_rows_of(neuron, layout, settings, own_speed)
    (pool,) = layout.pools
    assert bits == 6
    for Ca in [LOW, 1.3e-6, 1e-4, 0.0123, 1.0, 3.0, np.nextafter(HIGH, 0)]:
        found = looked_up(rows, first, bits, pool.vectors.size, Ca)
        others = np.ones_like(found, bool)
        for (path, gate), lane in zip(neuron.gates.items(), layout.gate_lane, strict=True):
            if gate.pool is None:
                continue
            place = list(pool.vectors).index(lane // 4), slice(None), lane % 4
            exact = expected(path, gate, Ca, method, own_speed)
            np.testing.assert_allclose(found[place], exact, rtol=1e-12, atol=1e-15)
            others[place] = False
        assert found[0, 0, 3] == pytest.approx(math.log(Ca), rel=1e-14, abs=1.5e-15)
        others[0, 0, 3] = False
        assert (found[others] == 1).all()


def test_finer_rows_are_found_by_their_bits():
    bell = Gate(
        inf=lambda Ca: np.exp(-((np.log(Ca / 0.01) / 0.05) ** 2)), tau=lambda Ca: 2.0, of="Ca"
    )
    neuron = Neuron(L=Channel(1, E=0, feeds="Ca", x=bell), Ca=Pool(1e-4, 5, gain=1))
    layout = membrane_of(neuron)
    ((rows, first, bits),) = pool_rows_of(neuron, layout, RunSettings(dt=DT))
    assert 2.0**-bits == neuron.pool_tables["L.x"].width < 2**-6
    for Ca in (0.009, 0.0101, 0.0137):
        found = looked_up(rows, first, bits, 1, Ca)[0, :, layout.gate_lane[0]]
        np.testing.assert_allclose(
            found, expected("L.x", bell, Ca, "euler"), rtol=1e-12, atol=1e-15
        )
        assert looked_up(rows, first, bits, 1, Ca)[0, 0, 0 if layout.gate_lane[0] else 1] == 1


def test_rows_of_V_are_1_for_gates_of_calcium_alone():
    neuron = bursting()
    layout = membrane_of(neuron)
    rows = rows_of(neuron, layout, RunSettings(dt=DT)).reshape(-1, layout.rows, 6, 2, 4)
    lane = dict(zip(neuron.gates, layout.gate_lane, strict=True))
    for path in ("CaL.f", "AHP.q"):
        of_gate = rows[:, lane[path] // 4, :, :, lane[path] % 4]
        assert (of_gate[:, 0] == 1).all()
        assert (of_gate[:, 1:] == 0).all()
    times = lane["KCa.m"]
    of_V = neuron.tables["KCa.m"].coefficients * DT
    np.testing.assert_array_equal(rows[:, times // 4, :, :, times % 4], of_V)
    (pool,) = layout.pools
    if pool.lane < 4 * layout.rows:
        assert (rows[:, pool.lane // 4, :, :, pool.lane % 4] == 0).all()


def gates(count, **others):
    one = Gate(inf=sigmoid(1, -30, 10), tau=lambda V: 5.0)
    return Channel(1, E=-90, **{f"x{i}": one for i in range(count)}, **others)


@pytest.mark.parametrize(
    ("counts", "pools", "rows", "vectors", "lanes"),
    [
        ([2], 1, 1, 1, [2]),  # lane 3 is that of V
        ([3], 1, 1, 2, [4]),
        ([3], 2, 1, 2, [4, 5]),
        ([2], 2, 1, 2, [2, 4]),
        ([7, 0], 1, 2, 3, [8]),
        ([5, 1], 2, 2, 3, [7, 8]),
        ([5], 2, 2, 2, [6, 7]),
        ([], 2, 1, 1, [0, 1]),
    ],
)
def test_pools_have_free_lanes_or_a_vector_of_their_own(counts, pools, rows, vectors, lanes):
    channels = {f"C{i}": gates(count) for i, count in enumerate(counts)}
    some = {name: Pool(i + 1, 2, gain=3) for i, name in enumerate(["Ca", "Cb"][:pools])}
    leaks = {f"L{name}": Channel(1, E=0, feeds=name) for name in some}
    layout = membrane_of(Neuron(**channels, **leaks, **some))
    assert (layout.rows, layout.vectors) == (rows, vectors)
    assert [pool.lane for pool in layout.pools] == lanes
    assert layout.shift.size == len(layout.shifted_by) == vectors
    order = [name for name in (*channels, *leaks) if name in leaks or not counts]
    for i, pool in enumerate(layout.pools):
        assert (pool.rest, pool.tau, pool.gain) == (i + 1, 2, 3)
        ungated = [name for name, one in {**channels, **leaks}.items() if not one.gates]
        assert list(pool.feeders) == [ungated.index(f"L{pool.name}")]
        assert pool.vectors.size == 0
    assert order or counts
    kinds = [kind for _, kind, _ in layout.variables]
    assert kinds == ["V"] + ["gate"] * sum(counts) + ["pool"] * pools + ["current"] * (
        len(counts) + pools
    )


def test_nernst_is_the_potential_at_1_mM_and_a_slope():
    layout = membrane_of(low_threshold())
    slope = 8.31441 * 309.15 / (2 * 96485.309) * 1e3
    np.testing.assert_allclose(layout.nernst_slope, [0, slope], rtol=1e-15)
    np.testing.assert_allclose(layout.E, [-85, slope * math.log(2)], rtol=1e-15)
    np.testing.assert_array_equal(layout.nernst_pool, [-1, 0])
    (pool,) = layout.pools
    assert (list(pool.feeders), list(pool.vectors)) == ([1], [0])


def test_gates_of_calcium_are_in_the_first_vector_where_that_can_be():
    (pool,) = membrane_of(bursting().replace({"CaL.shift": 0})).pools
    assert list(pool.vectors) == [0]
    q = Gate(inf=hill(1, 1e-3), instantaneous=True, of="Ca")
    m = Gate(inf=sigmoid(1, -30, 10), tau=lambda V: 5.0, times=("Ca", hill(1, 1e-3)))
    L = Channel(1, E=0, feeds="Ca", q=q)
    neuron = Neuron(
        A=gates(4, shift=-5), B=gates(3), M=Channel(1, E=0, m=m), L=L, Ca=Pool(1, 2, gain=3)
    )
    (pool,) = membrane_of(neuron).pools
    assert list(pool.vectors) == [0]


# The logarithm.


def test_logarithms_of_all_normal_numbers_are_accurate_to_the_last_place():
    draw = np.random.default_rng(0)
    tiny = np.finfo(np.float64).tiny
    x = np.concatenate(
        [
            draw.integers(1 << 52, 2047 << 52, 20_000, np.int64).view(np.float64),
            [tiny, np.nextafter(tiny, 1), np.finfo(np.float64).max, 1.0],
            1 + np.spacing(1.0) * np.arange(-300.0, 300.0),
            np.sqrt(0.5) + np.spacing(0.5) * np.arange(-20, 21),
            np.sqrt(2.0) + np.spacing(1.0) * np.arange(-20, 21),
        ]
    )
    got = np.empty(x.size)
    _rate_tables.logarithm(x, got)
    with localcontext() as context:
        context.prec = 50
        exact = [Decimal(float(one)).ln() for one in x]
        errors = [abs(Decimal(float(a)) - b) for a, b in zip(got, exact, strict=True)]
        ulps = [
            float(error / Decimal(float(np.spacing(abs(a))))) if a else float(error)
            for error, a in zip(errors, got, strict=True)
        ]
    assert max(ulps) < 0.85


def test_logarithms_need_arrays_of_one_length():
    with pytest.raises(ValueError, match="out and x must have one length"):
        _rate_tables.logarithm(np.ones(2), np.ones(3))
