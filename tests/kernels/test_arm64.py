"""The C headers as other CPUs compile them: the same bits on arm64, under qemu, as here.

kernel_harness.c has time loops over them without Python. It is first compiled for this CPU, which
shows that it does what the package does, and then for arm64.
"""

import contextlib
import math
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from exact_rates import exact_rates
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, _stimuli, neurons, rate_tables
from pyhh_fast.engine import kernels
from pyhh_fast.engine.kernels import loops
from pyhh_fast.rate_forms import exponential, linoid
from pyhh_fast.rate_tables import hodgkin_huxley
from pyhh_fast.variables import GATES, PARAMETERS

ROOT = Path(__file__).parents[2]
TRACES = ["Vm", "StateM", "StateH", "StateN", "INa", "IK", "IKleak"]
SPAN = (-1_000.0, 1_000.0)  # mV
SHAPE = [-4_000, 8_001, 0.25]  # the table of that: number of the first row, rows, their width
FUSED = kernels.LEVEL != "v2"  # whether this process has fused multiply-add, as arm64 does

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / "src").is_dir(), reason="no sources here"),
    pytest.mark.skipif(sys.platform == "win32", reason="needs a compiler with gcc's options"),
]


class Harness:
    """kernel_harness.c, compiled: numbers in, numbers out."""

    def __init__(self, path, compiler, emulator, flags, fused):
        for program in (compiler[0], *emulator):
            if not shutil.which(program):
                end = pytest.fail if os.environ.get("CI") else pytest.skip
                end(f"{program} is not installed")
        setup = runpy.run_path(str(ROOT / "setup.py"), run_name="setup")
        flags = [*setup["LANGUAGE"], *setup["FLAVOURS"]["optimised"], *flags(setup)]
        flags += ["-Wall", "-Wextra", "-Werror", "-I", ROOT / "src"]
        source = Path(__file__).parent / "kernel_harness.c"
        subprocess.run([*compiler, *flags, source, "-o", path, "-lm"], check=True)
        self.command = [*emulator, path]
        self.fused = fused

    def __call__(self, what, *numbers):
        data = np.concatenate([np.ravel(part) for part in numbers]).astype(float).tobytes()
        done = subprocess.run([*self.command, what], input=data, stdout=subprocess.PIPE)
        assert done.returncode == 0
        return np.frombuffer(done.stdout)


@pytest.fixture(scope="module", params=["here", "arm64"])
def harness(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("harness") / "harness"
    if request.param == "here":
        return Harness(path, ["cc"], [], lambda setup: setup["LEVELS"][kernels.LEVEL], FUSED)
    compiler = ["aarch64-linux-gnu-gcc", "-static"]
    return Harness(path, compiler, ["qemu-aarch64"], lambda setup: [], True)


def assert_same_bits(got, expected):
    got, expected = np.ascontiguousarray(got), np.ascontiguousarray(expected)
    np.testing.assert_array_equal(got.view(np.uint64), expected.view(np.uint64))


def test_rates_are_the_same(harness):
    V = np.concatenate(
        [
            [10, 25, 0.0, -0.0, 5e-324, -1e-310, 1e308, -1e308],
            *[(-far, far) for far in (1e3, 7e3, 8e3, 13e3, 14e3, 14.5e3, 2e4)],
            *[removable + 10.0 ** -np.arange(16) for removable in (10, 25)],
            np.random.default_rng(0).uniform(-200, 300, 5_000),
            np.random.default_rng(1).uniform(-2e4, 2e4, 5_000),
        ]
    )
    order = [0, 3, 1, 4, 2, 5]
    assert_same_bits(harness("rates", V).reshape(-1, 6), hodgkin_huxley(V)[:, order])
    endless = np.array([np.nan, np.inf, -np.inf])  # CPUs differ in the sign of a NaN
    got = harness("rates", endless).reshape(-1, 6)
    np.testing.assert_array_equal(got, hodgkin_huxley(endless)[:, order])


def test_the_table_is_the_same(harness):
    assert_same_bits(
        harness("rows", SHAPE), rate_tables.tabulate(hodgkin_huxley, *SPAN, SHAPE[2]).rows.ravel()
    )


def test_rates_read_from_the_table_are_exact(harness):
    V = np.random.default_rng(2).uniform(*SPAN, 400)
    V[:5] = [10.0, 25.0, 10.125, np.nextafter(10.125, 0), -49.875]
    exact = [[float(rate) for rate in exact_rates(v)] for v in V]
    got = harness("table", SHAPE, V).reshape(-1, 6)
    np.testing.assert_allclose(got, np.array(exact)[:, [0, 2, 4, 1, 3, 5]], rtol=2e-14)


METHODS = [method.name for method in loops.Method]


def numbers_of(model):
    """Parameters and state."""
    numbers = [getattr(model, name) for name in PARAMETERS]
    return [*numbers, model.Vm, *[getattr(model, gate).state for gate in GATES]]


def run(harness, model, stimulus, dt, method="euler"):
    given = (loops.Method[method], dt, numbers_of(model), stimulus)
    return harness("run", SHAPE, *given).reshape(-1, 7)


PULSES = np.where(np.arange(200_000) % 3_000 < 100, 60.0, 0.0)
RANDOM = np.random.default_rng(3).uniform(-20, 60, 200_000)
LARGE = np.repeat([0.0, 3e4, 0.0, -2e3, 10.0], [100, 20, 500, 30, 5_000])  # to 600 mV


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("parameters", "stimulus", "dt"),
    [
        ({}, np.full(200_000, 10.0), 0.01),
        ({"gK": 30, "EKleak": 10.7}, PULSES, 0.025),
        ({"Cm": 1.3, "gNa": 110, "ENa": 100, "EK": -9}, RANDOM, 0.007),
        ({}, LARGE, 0.001),
    ],
    ids=["constant", "pulses", "random", "large"],
)
def test_runs_are_the_same(harness, parameters, stimulus, dt, method):
    model = pyhh.HHModel.at_rest(**parameters)
    got = run(harness, model, stimulus, dt, method)
    simulation = pyhh.Simulation(model)
    simulation.run(stimulus, dt, method=method)
    expected = np.column_stack([getattr(simulation, name) for name in TRACES])
    if harness.fused == FUSED:
        assert_same_bits(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


@pytest.fixture
def given(monkeypatch):
    """Arguments of the first call of each of these, by name: the harness is given the same."""
    given = {}

    def spy_on(name):
        function = getattr(loops, name)

        def spy(*arguments, **options):
            if name not in given:
                given[name] = [
                    one.copy() if isinstance(one, np.ndarray) else one for one in arguments
                ]
                given[name, "pools"] = options.get("pools", [])
            return function(*arguments, **options)

        spy.of_hodgkin_huxley = getattr(function, "of_hodgkin_huxley", None)
        monkeypatch.setattr(loops, name, spy)

    for name in ("Membrane", "Rates", "fixed_step", "population"):
        spy_on(name)
    return given


def bits(*structs):
    """Return the doubles that have the bits of these structs, whatever their fields are."""
    return np.frombuffer(b"".join(one.tobytes() for one in structs))


def rows_of(given):
    rows, first, inverse_width, low, high, _, *vectors = given["Rates"]
    source = [len(rows) / (vectors or [1])[0], first, inverse_width, low, high]
    of_pools = np.zeros((3, 2))
    for p, (of_pool, first_row, factored, bits_of_octave) in enumerate(given["Rates", "pools"]):
        of_pools[:, p] = len(of_pool) / factored, first_row, bits_of_octave
        rows = np.concatenate([rows, of_pool])
    return [*source, *of_pools.ravel()], rows


def alone(given, stimulus):
    """Return the input of the harness's command `neuron`."""
    source, rows = rows_of(given)
    settings, record = given["fixed_step"][:2]
    structs = bits(settings, *given["Membrane"], record)
    return source, structs, stimulus.size, stimulus, rows


def together(given, I, steps):  # noqa: E741
    """Return the input of the harness's command `cells`."""
    source, rows = rows_of(given)
    settings, _, parameters, _, before, *_ = given["population"]
    C_m, g, E, shift, speed, slope, pools = parameters
    of_pools = zip(*pools, strict=True) if pools else ((), (), ())
    shape, _ = given.get("Membrane", (loops.HODGKIN_HUXLEY, None))
    has_speed = np.zeros(16, np.int64)
    has_speed[: len(speed)] = [one is not None for one in speed]
    members = np.ones((I.size, 75))
    places = zip(
        [0, 1, 9, 17, 25, 27, 29, 31, 41, 57, 74],
        [[C_m], g, E, slope, *of_pools, shift, speed, before, [I]],
        strict=True,
    )
    for first, columns in places:
        for i, column in enumerate(columns):
            if column is not None:
                members[:, first + i] = column
    return source, bits(settings, shape, has_speed), [steps, I.size], members, rows


def gate(midpoint, **options):
    return Gate(alpha=linoid(0.3, midpoint, 9), beta=exponential(0.2, midpoint, -18), **options)


FOUR_VECTORS = Neuron(
    Cm=1.2,
    leak=Channel(0.1, E=-65),
    Na=Channel(50, E=50, shift=-7.5, m=gate(-30, power=5, speed=9), h=gate(-60, power=2)),
    K=Channel(9, E=-90, n=gate(-40, power=4)),
    CaL=Channel(0.1, E=120, shift=4.25, m=gate(-20, power=2, instantaneous=True)),
    M=Channel(0.3, E=-90, shift=1.5, p=gate(-40, speed=0.05), q=gate(-45, speed=0.1)),
)
NEURONS = {
    "wang_buzsaki": neurons.wang_buzsaki(),
    "connor_stevens": neurons.connor_stevens(),
    "pospischil_ib": neurons.pospischil_ib(),
    "morris_lecar": neurons.morris_lecar(),
    "pospischil_lts": neurons.pospischil_lts(),
    "prinz": neurons.prinz(),
    "four_vectors": FOUR_VECTORS,
    "leak": Neuron(leak=Channel(0.2, E=-65)),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("neuron", NEURONS.values(), ids=NEURONS)
def test_declared_neurons_are_the_same(harness, given, neuron, method):
    stimulus = RANDOM[:5_000]
    recording = pyhh.Simulation(neuron, Vm=-60).run(stimulus, 0.01, method=method)
    expected = np.column_stack([recording[name] for name in neuron.variables])
    got = harness("neuron", *alone(given, stimulus)).reshape(expected.shape)
    assert np.ptp(expected[:, 0]) > 5
    if harness.fused == FUSED:
        assert_same_bits(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-7)


def many(kind, size):
    """Return a population whose cells have numbers of their own, and their currents."""
    draw = np.random.default_rng(5).uniform
    I = draw(-2, 40, size)  # noqa: E741
    if kind in NEURONS:
        I[3] = 1e6  # it leaves the table
        values = {
            path: value * draw(0.95, 1.05, size) + draw(-1, 1, size) * path.endswith("shift")
            for path, value in NEURONS[kind].parameters.items()
        }
        V = draw(-75, -50, size)
        return pyhh.Population.from_model(NEURONS[kind], size, values, start="steady", Vm=V), I
    model = Warm() if kind == "custom" else pyhh.HHModel()
    V, gNa = draw(-40, 110, size), draw(90, 140, size)
    V[:2] = 10, 25 + 1e-9
    return pyhh.Population.from_model(model, size, gNa=gNa, start="steady", Vm=V), I


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["built_in", "custom", *NEURONS])
def test_many_cells_are_the_same(harness, given, kind, method):
    dt, steps, size = 0.01, 3_000, 99
    cells, I = many(kind, size)  # noqa: E741
    names = list(NEURONS[kind].variables) if kind in NEURONS else TRACES
    options = {"method": method, "record": names, "every": steps - 1, "threads": 1}
    warns = pytest.warns(UserWarning, match=r"^[12] of 99 cells diverged.* \(cell 3\)")
    with warns if kind in NEURONS else contextlib.nullcontext():
        recording = cells.run(I, dt, duration=steps * dt, **options)
    got = harness("cells", *together(given, I, steps))
    last, spikes = np.split(got, [size * (len(names) + 1)])
    expected = [*[recording[name][:, -1] for name in names], recording.diverged_at]
    spikes = spikes.reshape(-1, 2)
    times = spikes[np.argsort(spikes[:, 0], kind="stable"), 1]
    if harness.fused == FUSED:
        assert_same_bits(last.reshape(size, -1), np.column_stack(expected))
        assert_same_bits(times, recording.spikes.time)
    else:
        np.testing.assert_allclose(last.reshape(size, -1), np.column_stack(expected), atol=1e-6)
        np.testing.assert_allclose(times, recording.spikes.time, atol=1e-6)


@pytest.mark.parametrize("tolerance", [1e-4, 1e-8])
@pytest.mark.parametrize(
    ("parameters", "current"), [({}, 10.0), ({"gK": 30, "Cm": 1.2}, 60.0), ({}, -40.0)]
)
def test_adaptive_runs_are_the_same(harness, parameters, current, tolerance):
    model = pyhh.HHModel.at_rest(**parameters)
    given = (tolerance, tolerance, 50.0, 100.0, numbers_of(model), current)
    got = harness("solve", SHAPE, *given)
    recording = pyhh.Simulation(model).run(
        current, 0.5, duration=100.0, method="adaptive", rtol=tolerance, atol=tolerance
    )
    expected = np.concatenate([numbers_of(model)[-4:], recording.spike_times])
    if harness.fused == FUSED:
        assert_same_bits(got, expected)
    else:
        np.testing.assert_allclose(got, expected, rtol=100 * tolerance)


def check_noise(harness):
    for seed, first in ((0, 0), (2.0**53 - 1, 4_001), (3 * 2.0**62, 2.0**40 + 2)):
        words = np.empty(500, np.uint64)
        _stimuli.words(int(seed), 1, int(first), words)
        expected = np.empty(500)
        _stimuli.normals(words, expected)
        assert_same_bits(harness("noise", [seed, 1, first, 500]), expected)


def test_noise_is_the_same(harness):
    check_noise(harness)


def test_noise_needs_no_integers_of_128_bits(tmp_path):
    compiler = ["cc", "-DNOISE_PORTABLE"]
    check_noise(Harness(tmp_path / "harness", compiler, [], lambda setup: [], False))


def test_logarithms_and_sines_are_the_same(harness):
    draw = np.random.default_rng(6)
    for what, kernel, numbers in (
        ("log", _stimuli.logarithms, draw.random(20_000) * 2.0 ** -draw.integers(0, 52, 20_000)),
        (
            "sine",
            _stimuli.sines,
            draw.uniform(-1, 1, 20_000) * 10.0 ** draw.integers(-9, 9, 20_000),
        ),
    ):
        expected = np.empty(20_000)
        kernel(numbers, expected)
        assert_same_bits(harness(what, numbers), expected)


def rises(b):
    """Where the polynomial with Bernstein coefficients b rises through 0, from numpy's roots."""
    degree = b.size - 1
    binomial = np.array([math.comb(degree, i) for i in range(degree + 1)])
    power = np.zeros(degree + 1)
    for i in range(degree + 1):
        for j in range(degree - i + 1):
            power[i + j] += b[i] * binomial[i] * math.comb(degree - i, j) * (-1) ** j
    roots = np.roots(power[::-1])
    real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
    slope = np.polyval(np.polyder(power[::-1]), real)
    return real[(0 < real) & (real < 1) & (slope > 0)]


def crossings(harness, polynomials):
    """Return where each polynomial crosses 0 upward, as the harness finds it."""
    got = harness("cross", *[part for b in polynomials for part in ([len(b)], b)]).tolist()
    found = []
    for _ in polynomials:
        count = int(got.pop(0))
        found.append(got[:count])
        del got[:count]
    assert got == []
    return found


def test_upward_crossings_of_polynomials_match_their_roots(harness):
    draw = np.random.default_rng(4)
    polynomials = [draw.normal(size=n) for n in draw.choice([2, 4, 8], 3_000)]
    polynomials += [np.array([-1.0, 9, -12, 9, -9, 12, -9, 1])]
    found = crossings(harness, polynomials)
    for places, b in zip(found, polynomials, strict=True):
        np.testing.assert_allclose(places, rises(b), atol=1e-9)
    assert max(map(len, found)) == 3


def test_crossings_at_the_ends_and_twice(harness):
    expected = [
        ([-1, 1], [0.5]),
        ([1, -1], []),
        ([-1, 0], [1.0]),  # 0 counts as above
        ([0, 1], []),
        ([0, -1], []),
        ([-1, -1, -1, 0], [1.0]),
        ([0, 0], []),
        ([-1, -1], []),
        ([-1, 1, 1, -1], [0.2113248654]),  # up and down within
        ([1, -1, -1, 1], [0.7886751346]),
        ([-0.25, 0.25, -0.25], [0.5]),  # touches 0 and turns
        ([-1, 1e-300], [1.0]),
    ]
    found = crossings(harness, [b for b, _ in expected])
    assert [pytest.approx(places, abs=1e-9) for _, places in expected] == found


def test_run_ends_where_a_number_is_not_finite(harness):
    stimulus = np.full(100, 10.0)
    for value in (np.nan, np.inf, -np.inf):
        stimulus[70] = value
        assert len(run(harness, pyhh.HHModel.at_rest(), stimulus, 0.01)) == 70
    for gate in GATES:
        # The gate overflows while V is constant: there are no conductances.
        model = pyhh.HHModel(gNa=0, gK=0, gKleak=0)
        assert len(run(harness, model, [0.0], 1e300)) == 1
        getattr(model, gate).state = 1e70
        assert len(run(harness, model, [0.0], 1e300)) == 0
