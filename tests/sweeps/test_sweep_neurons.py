"""Sweeps of neurons: every point is a cell of a population, for any executor, chunk and store."""

import functools
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from error_messages import errors, raises
from store_files import files, killed_at_file
from sweep_models import counts_and_gate, neuron_of_functions
from sweep_runs import SPAWN, WAVE, crossed, cut, executors

import pyhh_fast as pyhh
from pyhh_fast import Channel, Neuron
from pyhh_fast.channels.gate_table import GateTable
from pyhh_fast.channels.tables import Tables
from pyhh_fast.neurons import connor_stevens, pospischil_ib, wang_buzsaki
from pyhh_fast.storage.saved_neurons import with_tables

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")
zarr = pytest.importorskip("zarr", minversion="3", reason="stores are opened with it")

same = xarray.testing.assert_identical

NEURON = wang_buzsaki()
GRID = {
    "K.g": [6.0, 9.0, 12.0],
    "Na.shift": [-1.0, 0.0],
    "current": [0.0, 1.0, -0.5],
    "K.n.speed": [4.0, 5.0],
    "leak.E": [-65.0, -62.0],
}


def short(neuron=NEURON, grid=GRID, stimulus=1.5, **options):
    if np.ndim(stimulus) == 0:
        options = {"duration": 15.0} | options
    return pyhh.sweep(neuron, grid, stimulus, 0.01, **options)


def cells_of(neuron, points, stimulus, method):
    """The recording of a population with a cell at each point."""
    points = {path: np.array(own) for path, own in points.items()}
    size = next(iter(points.values())).size
    current = points.pop("current", np.zeros(size))
    population = pyhh.Population.from_model(neuron, size, points)
    wave = np.add(current[:, np.newaxis], np.broadcast_to(stimulus, 1_500))
    return population.run(wave, 0.01, method=method, record=["Vm"])


@pytest.mark.parametrize("method", ["euler", "exponential_euler", "rk4"])
@pytest.mark.parametrize("stimulus", [1.5, WAVE], ids=["constant", "wave"])
@pytest.mark.parametrize("names", [tuple(GRID), ("K.n.speed",), ("current",)])
def test_each_point_is_a_cell_of_a_population_at_its_rest(monkeypatch, names, stimulus, method):
    cut(monkeypatch, 1_000)
    grid = {name: GRID[name] for name in names}
    expected = cells_of(NEURON, crossed(grid), stimulus, method)
    for reduce, values in {
        "spike_counts": expected.spike_counts,
        "final_Vm": expected.final_state["Vm"],
        "final_K.n": expected.final_state["K.n"],
    }.items():
        result = short(NEURON, grid, stimulus, reduce=reduce, method=method)
        assert result[reduce].dims == names
        np.testing.assert_array_equal(result[reduce].values.ravel(), values, strict=True)
        assert (result.diverged_at == -1).all()


def test_zipped_paths_form_one_dimension_and_have_units():
    grid = {
        "Cm": [0.9, 1.1],
        "K.g": [8, 9],
        "Na.E": [55, 50],
        "Na.h.speed": [5, 4],
        "current": [0, 1],
    }
    result = short(grid=grid, product=False, reduce="final_Na.h")
    expected = cells_of(NEURON, grid, 1.5, "euler").final_state["Na.h"]
    np.testing.assert_array_equal(result["final_Na.h"], expected)
    assert result["final_Na.h"].dims == ("point",)
    assert {name: result[name].attrs["units"] for name in (*grid, "final_Na.h")} == {
        "Cm": "µF/cm²", "K.g": "mS/cm²", "Na.E": "mV", "Na.h.speed": "1", "current": "µA/cm²",
        "final_Na.h": "1",
    }  # fmt: skip


def test_attributes_say_what_was_run():
    attributes = short(grid={"K.g": [8.0]}).attrs
    told = {"model": "Neuron", "Na.g": 35.0, "K.n.speed": 5.0, "start": "rest", "threshold": 0.0}
    told |= {"channels": ["leak", "Na", "K"], "gates": ["Na.m", "Na.h", "K.n"], "grid": ["K.g"]}
    assert told.items() <= attributes.items()
    assert "K.g" not in attributes
    assert '"form": "linoid"' in attributes["K.n"]


@pytest.mark.parametrize("executor", ["here", "threads", "processes"])
def test_result_does_not_depend_on_chunks_or_executors(monkeypatch, executor):
    runs = [
        functools.partial(short, neuron, grid, stimulus, method=method, **options)
        for neuron, grid in (
            (neuron_of_functions(), GRID),
            (pospischil_ib(), {"Na.shift": [-58, -50], "K.shift": [-58, -50], "M.p.speed": [1, 2]}),
        )
        for stimulus, method, options in (
            (2.5, "exponential_euler", {"reduce": "final_Vm"}),
            (WAVE, "rk4", {"reduce": counts_and_gate, "record": ["Vm"], "threads": 2}),
        )
    ]
    whole = [run() for run in runs]
    with executors(executor) as pool:
        for cells in (1, 29) if executor == "here" else (7,):
            cut(monkeypatch, cells)
            for run, expected in zip(runs, whole, strict=True):
                same(run(executor=pool), expected)


def test_starts_do_not_depend_on_the_CPU(monkeypatch):
    umath = pytest.importorskip("numpy._core._multiarray_umath", reason="names NumPy's features")
    there = [name for name in umath.__cpu_dispatch__ if umath.__cpu_features__[name]]
    neuron, draw = connor_stevens(), np.random.default_rng(1).uniform
    grid = {
        f"{name}.g": channel.g * draw(0.5, 1.5, 2_000) for name, channel in neuron.channels.items()
    }
    options = {"grid": grid, "product": False, "reduce": "final_Vm", "duration": 0.01}
    expected = short(neuron, **options)
    monkeypatch.setenv("NPY_DISABLE_CPU_FEATURES", " ".join(there))
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        same(short(neuron, executor=pool, **options), expected)


def test_points_that_diverge_warn():
    grid = {"K.n.speed": [5.0, 5_000.0], "current": [0.0, -300.0]}
    with pytest.warns(UserWarning, match="^3 of 4 cells diverged") as caught:
        result = short(grid=grid)
    assert (result.diverged_at >= 0).values.tolist() == [[False, True], [True, True]]
    with pytest.warns(UserWarning, match="^3 of 4 cells diverged") as of_population:
        cells_of(NEURON, crossed(grid), 1.5, "euler")
    advice = str(of_population[0].message).partition("has all. ")[2].replace("cells", "points")
    assert advice.startswith("Use a dt of 0.000")
    (message,) = [str(warning.message) for warning in caught]
    assert message == f"3 of 4 cells diverged; diverged_at says which and when. {advice}"


PATHS = (
    "Cm, K.E, K.g, K.n.speed, K.shift, Na.E, Na.g, Na.h.speed, Na.shift, current, leak.E, leak.g"
)
NUMBERS = "a 1-D array of one or more {}finite numbers"

ARGUMENTS = {
    TypeError: [
        (
            {"grid": [1]},
            "grid must be a mapping of names to arrays; got [1] (list). "
            "Pass for example {'leak.g': [80, 100, 120]}.",
        ),
        ({"grid": {"K.g": 3}}, f"K.g must be {NUMBERS.format('')} (mS/cm²); got 3."),
    ],
    ValueError: [
        (
            {"grid": {"gK": [1.0]}},
            f"grid's names must be one of {PATHS}; got 'gK'. Did you mean K.g?",
        ),
        (
            {"grid": {"Na.m.speed": [1.0]}},
            f"grid's names must be one of {PATHS}; got 'Na.m.speed'. Na.m is instantaneous, and so "
            "has no speed.",
        ),
        (
            {"grid": {"K.n.speed": [1.0, 0.0]}},
            f"K.n.speed must be {NUMBERS.format('positive, ')}; got 0.0 at index 1.",
        ),
        (
            {"grid": {"K.g": [1.0, -2.0]}},
            "K.g must be a finite number, 0 or more (mS/cm²); got -2 at index 1.",
        ),
        (
            {"grid": {"Na.shift": [101.0, 1.0]}},
            "Na.shift must be from -100 to 100 (mV); got 101 at index 0.",
        ),
        (
            {"reduce": "final_n"},
            "reduce must be one of final_K.n, final_Na.h, final_Na.m, final_Vm, spike_counts; got "
            "'final_n'. Did you mean final_K.n?",
        ),
        (
            {"method": "leapfrog"},
            "method must be one of adaptive, euler, exponential_euler, rk4; got 'leapfrog'.",
        ),
        (
            {"grid": {"leak.E": [-65.0, 500.0], "K.g": [0.0], "Na.g": [0.0], "current": [0.0]}},
            "model must have an equilibrium at each point of the grid; got none at leak.E = 500, "
            "K.g = 0, Na.g = 0. Leave such points out.\nIn the chunk of a sweep with leak.E from "
            "-65 to 500, K.g from 0 to 0, Na.g from 0 to 0, current from 0 to 0.",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "options", "message"), errors(ARGUMENTS))
def test_wrong_arguments_are_refused(options, kind, message):
    with raises(kind, message):
        short(**options)


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A path for a store whose chunks have five points."""
    cut(monkeypatch, 5)
    return tmp_path / "sweep.zarr"


def interrupted(out, *, chunks, **options):
    """Begin a sweep, of which so many chunks are done."""
    calls = []

    def stopping(recording):
        if len(calls) >= chunks:
            raise KeyboardInterrupt
        calls.append(recording.size)
        return recording.final_state["K.n"]

    stopping.__qualname__, stopping.__module__ = "gate", __name__
    with pytest.raises(KeyboardInterrupt):
        short(out=out, reduce=stopping, **options)


def gate(recording):
    return recording.final_state["K.n"]


@pytest.mark.parametrize("product", [True, False])
@pytest.mark.parametrize("reduce", ["spike_counts", "final_K.n", counts_and_gate])
def test_stored_sweep_is_the_result_and_is_not_computed_again(out, reduce, product):
    options = {"reduce": reduce, "product": product, "record": ["Vm"]}
    if not product:
        options["grid"] = {"K.g": np.linspace(6, 12, 7), "K.n.speed": np.linspace(4, 6, 7)}
    result = short(out=out, **options)
    same(result, short(**options))
    with xarray.open_zarr(out) as opened:
        same(opened.load(), result)
    found = dict(zarr.open_group(out, mode="r", use_consolidated=False).members(max_depth=None))
    assert found["rates/gates"].shape[1] == 3
    before = files(out)
    same(short(out=out, **options), result)
    assert files(out) == before


def test_interrupted_sweep_continues_with_the_stored_tables(out):
    """Another machine finds others by last bits; what is done was computed with these."""
    neuron = neuron_of_functions()
    expected = short(neuron, reduce=gate)
    interrupted(out, neuron=neuron, chunks=2)
    others = {
        path: GateTable(table.coefficients * (1 + 4e-15), table.width, table.own_width)
        for path, table in neuron.tables.items()
    }
    other = with_tables(neuron, Tables(others, {}))
    assert (short(other, reduce=gate)["gate"] != expected["gate"]).any()
    same(short(other, out=out, reduce=gate), expected)
    same(short(pickle.loads(pickle.dumps(neuron)), out=out, reduce=gate), expected)


def faster(V):
    return 1.001 * neuron_of_functions().gates["K.n"].beta(V)


K = NEURON.channels["K"]
OTHERS = {
    "parameter": (NEURON.replace({"leak.g": 0.2}), "leak.g 0.1 instead of 0.2"),
    "swept speed": (NEURON.replace({"K.n.speed": 4}), "K.n '{.*}' instead of '{.*}'"),
    "threshold": (NEURON.replace(threshold=-10), "threshold 0.0 instead of -10.0"),
    "channels": (
        NEURON.with_channels(M=Channel(0, E=-90)),
        r"channels \['leak', 'Na', 'K'\] instead of \['leak', 'Na', 'K', 'M'\]",
    ),
    "order": (
        Neuron(K=K, **{name: NEURON.channels[name] for name in ("leak", "Na")}, threshold=0),
        r"channels \['leak', 'Na', 'K'\] instead of \['K', 'leak', 'Na'\]",
    ),
    "model": (pyhh.HHModel.at_rest(), "model 'Neuron' instead of 'HHModel'"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_store_of_another_neuron_is_refused(out, other):
    neuron, got = OTHERS[other]
    grid = {"current": [0.0, 1.0]} if other == "model" else GRID
    short(out=out, grid=grid)
    before = files(out)
    message = rf"^out must be a store of this sweep, or new; got .* with {got}\. Name another, or"
    with pytest.raises(ValueError, match=message):
        short(neuron, out=out, grid=grid)
    assert files(out) == before


@pytest.mark.parametrize("damage", ["changed", "absent"])
def test_store_with_other_tables_is_refused(out, damage):
    grid = {"K.g": [8.0, 9.0]}
    short(neuron_of_functions(), grid, out=out)
    if damage == "absent":
        shutil.rmtree(out / "rates")
    factor = 1.0 + (damage == "changed") / 1_000
    with pytest.raises(ValueError, match=r"with other rates of the model\. Name another"):
        short(neuron_of_functions(factor), grid, out=out)


@pytest.mark.parametrize("stage", range(6, 10))
def test_partly_created_store_is_completed(out, stage):
    """Killed at the files of the tables, the next run finishes what there is."""
    grid = {"K.g": [8.0, 9.0]}
    with killed_at_file(stage):
        short(grid=grid, out=out)
    assert ("rates/gates/c/0/0/0/0" in files(out)) == (stage == 9)
    same(short(grid=grid, out=out), short(grid=grid))


def test_damaged_tables_are_refused(out):
    short(grid={"K.g": [8.0, 9.0]}, out=out)
    (out / "rates/gates/c/0/0/0/0").write_bytes(b"cut short")
    with pytest.raises(ValueError, match=r"with a table 'rates/gates' that was changed or cut sho"):
        short(grid={"K.g": [8.0, 9.0]}, out=out)


def test_neuron_without_gates_is_stored_without_tables(out):
    neuron = Neuron(leak=Channel(0.1, E=-65), threshold=-60)
    grid = {"leak.g": [0.1, 0.2]}
    result = short(neuron, grid, reduce="final_Vm", method="exponential_euler", out=out)
    g = np.array(grid["leak.g"])
    np.testing.assert_allclose(result.final_Vm, -65 + 1.5 / g * (1 - np.exp(-15 * g)), rtol=1e-12)
    same(short(neuron, grid, reduce="final_Vm", method="exponential_euler", out=out), result)
    assert not (out / "rates").exists()
