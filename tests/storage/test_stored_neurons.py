"""Runs and states of neurons on disk continue with the same bits, with or without functions."""

import json
import re
import shutil

import numpy as np
import pytest
from declared_neurons import neurons
from hypothesis import given, settings
from store_files import REMOVED, change, files, shared

import pyhh_fast as pyhh
from pyhh_fast import Channel, Gate, Neuron, stimuli
from pyhh_fast.channels import descriptions
from pyhh_fast.channels.declaration import reserved
from pyhh_fast.methods import METHODS
from pyhh_fast.neurons import wang_buzsaki
from pyhh_fast.rate_forms import linoid
from pyhh_fast.storage import resume, run_sink, stored_tables

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")

NOISE = stimuli.step(1, 70, 130) + stimuli.ornstein_uhlenbeck(1, 2, 10, seed=1)


def slow(V):
    return 20 + V / 100


def opens(V):
    return 1 / (1 + np.exp(-(V + 35) / 9))


# Its channels are not in the order of the alphabet, in which the members of JSON are sorted.
NEURON = wang_buzsaki().with_channels(
    M=Channel(0.2, E=-90, shift=3, p=Gate(inf=opens, tau=slow, power=2)),
    A=Channel(0.1, E=-85, a=Gate(inf=opens, instantaneous=True)),
)


def same_state(one, other):
    return (one.Vm, one.gates) == (other.Vm, other.gates)


def assert_same_traces(recording, expected):
    for name in (*expected.recorded, *expected.enveloped):
        got, want = recording[name], expected[name]
        np.testing.assert_array_equal(got.view(np.int64), want.view(np.int64), err_msg=name)
    np.testing.assert_array_equal(recording.spike_times, expected.spike_times)


@pytest.mark.parametrize("method", METHODS)
def test_stored_and_resumed_run_equals_one_in_memory(method, tmp_path):
    options = {"dt": 0.01, "method": method, "every": 3, "envelope": 100}
    expected = pyhh.Simulation(NEURON)
    in_memory = expected.run(NOISE, duration=345.67, to=tmp_path / "at_once.zarr", **options)
    assert in_memory.spike_times.size > 5
    assert_same_traces(in_memory, pyhh.Simulation(NEURON).run(NOISE, duration=345.67, **options))
    pyhh.Simulation(NEURON).run(NOISE, duration=123.45, to=tmp_path / "run.zarr", **options)
    shutil.copytree(tmp_path / "run.zarr", tmp_path / "copy.zarr")
    for name, model in (("run.zarr", None), ("copy.zarr", NEURON)):
        resumed = pyhh.Simulation.resume(tmp_path / name, model=model, duration=345.67)
        assert_same_traces(resumed.recording, in_memory)
        assert same_state(resumed, expected)
        assert (resumed.model == NEURON) == (model is NEURON)
        assert shared(tmp_path / name) == shared(tmp_path / "at_once.zarr")


@pytest.mark.parametrize("method", ["rk4", "adaptive"])
def test_interrupted_run_resumes_to_the_uninterrupted_one(method, tmp_path, monkeypatch):
    options = {"dt": 0.01, "duration": 400.0, "method": method, "envelope": 77}
    monkeypatch.setattr(run_sink.StoreSink, "block_length", 2_500)
    monkeypatch.setattr("pyhh_fast.engine.adaptive_stepper.AdaptiveStepper.CHUNK", 300)
    monkeypatch.setattr("pyhh_fast.engine.adaptive_stepper.AdaptiveStepper.WINDOW", 20_000)
    expected = pyhh.Simulation(NEURON)
    in_memory = expected.run(NOISE, to=tmp_path / "at_once.zarr", **options)
    collect = run_sink.StoreSink.collect

    def interrupted(self, stepper):
        if stepper.step > 15_000:
            monkeypatch.setattr(run_sink.StoreSink, "collect", collect)
            raise KeyboardInterrupt
        collect(self, stepper)

    monkeypatch.setattr(run_sink.StoreSink, "collect", interrupted)
    simulation = pyhh.Simulation(NEURON)
    with pytest.raises(KeyboardInterrupt):
        simulation.run(NOISE, to=tmp_path / "run.zarr", **options)
    assert 15_000 < simulation.recording.steps < 40_000
    assert simulation.Vm == simulation.recording.Vm[-1]
    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr")
    assert_same_traces(resumed.recording, in_memory)
    assert same_state(resumed, expected)
    assert shared(tmp_path / "run.zarr") == shared(tmp_path / "at_once.zarr")


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """The simulation of a run, and its store."""
    out = tmp_path_factory.mktemp("neuron") / "run.zarr"
    simulation = pyhh.Simulation(NEURON)
    simulation.run(1.0, 0.01, duration=30.0, to=out, every=2)
    return simulation, out


def test_store_is_read_as_any(stored):
    simulation, out = stored
    recording = resume.open_recording(out)
    again = pyhh.Simulation(NEURON)
    in_memory = again.run(1.0, 0.01, duration=30.0, every=2)
    assert_same_traces(recording, in_memory)
    assert same_state(simulation, again)
    assert simulation.recording.estimate_error() == in_memory.estimate_error()
    lines = [[len(axis.lines) for axis in r.plot(5).axes] for r in (recording, in_memory)]
    assert lines[0] == lines[1]
    assert sum(lines[0]) >= len(NEURON.variables)
    with xarray.open_zarr(out) as dataset:
        for name, variable in NEURON.variables.items():
            np.testing.assert_array_equal(dataset[name], in_memory[name])
            assert dataset[name].attrs["units"] == variable.unit
            assert dataset[name].dims == (("time", "current_time")[variable.before_step],)


def test_one_neuron_is_given_to_two_runs_at_once(stored, tmp_path):
    """It has no state that one of them could lose."""
    shutil.copytree(stored[1], tmp_path / "inner.zarr")
    inner = []

    def current(t):
        if t > 10 and not inner:
            inner.append(pyhh.Simulation.resume(tmp_path / "inner.zarr", model=NEURON))
        return 1.0

    options = {"stimulus": current, "duration": 20.0}
    pyhh.Simulation(NEURON).run(current, 0.01, duration=10.0, to=tmp_path / "outer.zarr")
    pyhh.Simulation.resume(tmp_path / "outer.zarr", model=NEURON, **options)
    assert same_state(inner[0], stored[0])


def test_arrays_of_a_store_have_no_name_of_a_channel():
    names = {*run_sink.TIMES, "spike", stored_tables.GROUP, "zarr"}
    assert names <= reserved(
        Neuron
    )  # the last with a gate "json" would be the name of its description
    with pytest.raises(ValueError, match=r"name of a channel must be none of .*; got 'Rates'"):
        Neuron(Rates=Channel(1, E=-60))


@settings(max_examples=25)
@given(neuron=neurons())
def test_any_neuron_is_saved_and_loaded(neuron, tmp_path_factory):
    file = tmp_path_factory.getbasetemp() / "neuron.json"
    simulation = pyhh.Simulation(neuron, Vm=-60.0)
    simulation.run(1.0, 0.01, duration=2.0, record=())
    simulation.save_state(file)
    for model in (None, neuron):
        loaded = pyhh.Simulation.load_state(file, model=model)
        assert same_state(loaded, simulation)
        assert descriptions.describe(loaded.model) == descriptions.describe(neuron)
        assert list(loaded.model.variables) == list(neuron.variables)
        twin = pyhh.Simulation(neuron, Vm=-60.0)
        twin._state = simulation._state.copy()
        assert_same_traces(loaded.run(1.0, 0.01, duration=1.0), twin.run(1.0, 0.01, duration=1.0))


def test_loaded_neuron_has_the_functions_of_the_one_that_is_given(tmp_path):
    pyhh.Simulation(NEURON).save_state(tmp_path / "state.json")
    loaded = pyhh.Simulation.load_state(tmp_path / "state.json", model=NEURON)
    assert loaded.model == NEURON
    assert loaded.model.gates["M.p"].tau is slow
    alone = pyhh.Simulation.load_state(tmp_path / "state.json").model
    assert alone.gates["Na.h"].beta == NEURON.gates["Na.h"].beta  # which is a form
    np.testing.assert_allclose(alone.gates["M.p"].tau(-50.0), slow(-50.0), rtol=1e-11)
    again = pyhh.Simulation(alone)
    again.save_state(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "state.json").read_bytes()


def test_tables_are_those_that_were_saved_whatever_the_functions_give_now(tmp_path):
    """As on a machine whose exp has other last bits."""
    phi = [1.0]
    gate = Gate(alpha=lambda V: phi[0] * np.exp(V / 25), beta=lambda V: np.exp(-V / 25))
    neuron = Neuron(leak=Channel(0.1, E=-65), K=Channel(1, E=-90, n=gate))
    simulation = pyhh.Simulation(neuron)
    simulation.save_state(tmp_path / "state.json")
    phi[0] = 1 + 1e-14
    other = Neuron(leak=Channel(0.1, E=-65), K=Channel(1, E=-90, n=gate))
    tables = [n.tables["K.n"].coefficients for n in (neuron, other)]
    assert (tables[0] != tables[1]).any()
    loaded = pyhh.Simulation.load_state(tmp_path / "state.json", model=other)
    np.testing.assert_array_equal(loaded.model.tables["K.n"].coefficients, tables[0])
    phi[0] = 1 + 1e-8
    changed = Neuron(leak=Channel(0.1, E=-65), K=Channel(1, E=-90, n=gate))
    message = "model must be the Neuron that was saved; got one with other rates of gate K.n. Leave"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        pyhh.Simulation.load_state(tmp_path / "state.json", model=changed)


OTHERS = {
    "g": (NEURON.replace({"Na.g": 36}), "got one with Na.g 36.0 instead of 35.0. Leave it out"),
    "area": (NEURON.replace(area=3), "got one with area 3.0 instead of None. Leave it out"),
    "channels": (NEURON.without("M"), "got one with other channels or gates. Leave it out"),
    "model": (pyhh.HHModel(), "the Neuron that was saved; got HHModel("),
    "class": (Neuron, "the Neuron that was saved; got"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_neuron_is_refused(other, tmp_path):
    pyhh.Simulation(NEURON).save_state(tmp_path / "state.json")
    model, got = OTHERS[other]
    with pytest.raises((TypeError, ValueError), match=rf"^model must be .*{re.escape(got)}"):
        pyhh.Simulation.load_state(tmp_path / "state.json", model=model)


def test_store_that_another_neuron_is_given_to_is_as_it_was(stored):
    before = files(stored[1])
    with pytest.raises(ValueError, match=r"^model must be the Neuron that was saved; got one"):
        pyhh.Simulation.resume(stored[1], model=wang_buzsaki(), duration=50.0)
    assert files(stored[1]) == before


def test_neuron_in_the_place_of_a_model_is_refused(tmp_path):
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    simulation.save_state(tmp_path / "state.json")
    simulation.run(1.0, 0.01, duration=1.0, to=tmp_path / "run.zarr")
    for read, name in (("resume", "run.zarr"), ("load_state", "state.json")):
        with pytest.raises(TypeError, match=r"^model must be the HHModel that was saved; got a N"):
            getattr(pyhh.Simulation, read)(tmp_path / name, model=NEURON)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (["neuron"], []),
        (["neuron", "declaration"], REMOVED),
        (["neuron", "declaration"], None),
        (["neuron", "declaration", "Cm"], 0),
        (["neuron", "declaration", "area"], "1"),
        (["neuron", "declaration", "more"], 1),
        (["neuron", "declaration", "channels"], {}),
        (["neuron", "declaration", "channels"], []),
        (["neuron", "declaration", "channels", 0], "leak"),
        (["neuron", "declaration", "channels", 0, "name"], "../leak"),
        (["neuron", "declaration", "channels", 0, "name"], "Na"),
        (["neuron", "declaration", "channels", 1, "g"], -1),
        (["neuron", "declaration", "channels", 1, "gates"], []),
        (["neuron", "declaration", "channels", 1, "gates", 0, "power"], 0),
        (["neuron", "declaration", "channels", 1, "gates", 0, "name"], "g"),
        (["neuron", "declaration", "channels", 1, "gates", 0, "functions"], {}),
        (["neuron", "declaration", "channels", 1, "gates", 0, "functions"], []),
        (
            ["neuron", "declaration", "channels", 1, "gates", 0, "functions", "alpha", "form"],
            "eval",
        ),
        (["neuron", "declaration", "channels", 1, "gates", 0, "functions", "power"], None),
        (["neuron", "state"], 3),
        (["neuron", "state", "V"], "0"),
        (["neuron", "state", "gates"], {}),
        (["neuron", "state", "gates", "M.p"], None),
        (["neuron", "state", "gates", "M.q"], 0.5),
        (["model"], {}),
        (["neuron"], REMOVED),
        (["table"], None),
        (["table", "own_widths"], []),
        (["table", "own_widths"], 6),
        (["table", "own_widths", 0], 0.3),
        (["table", "width"], 2.0**-5),
        (["table", "width"], None),
        (["table", "rows"], "AAAA"),
    ],
    ids=str,
)
def test_crafted_state_file_is_refused(path, to, stored, tmp_path):
    file = tmp_path / "state.json"
    stored[0].save_state(file)
    content = json.loads(file.read_text())
    change(content, path, to)
    file.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=r"^path must be a file that save_state has written;"):
        pyhh.Simulation.load_state(file)


def test_state_file_with_another_table_is_refused(stored, tmp_path):
    file = tmp_path / "state.json"
    stored[0].save_state(file)
    content = file.read_bytes()
    middle = len(content) // 2
    other = b"A" if content[middle : middle + 1] != b"A" else b"B"
    file.write_bytes(content[:middle] + other + content[middle + 1 :])
    with pytest.raises(ValueError, match=r"which cannot be read: its table was changed$"):
        pyhh.Simulation.load_state(file)


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (["neuron"], REMOVED),
        (["neuron"], []),
        (["neuron", "state", "gates"], 3),
        (["neuron", "declaration", "channels"], {}),
        (["neuron", "declaration", "channels", 0, "name"], "../leak"),
        (["neuron", "declaration", "channels", 1, "gates", 0, "functions"], []),
        (["recorded"], ["Vm", "INa"]),
        (["state", "cell", "I_Na"], REMOVED),
        (["state", "cell", "M.p"], "1"),
        (["state", "cell", "m"], 1.0),
    ],
    ids=str,
)
def test_crafted_store_is_refused(path, to, stored, out):
    shutil.copytree(stored[1], out)
    root = json.loads((out / "zarr.json").read_text())
    change(root["attributes"], path, to)
    (out / "zarr.json").write_text(json.dumps(root))
    before = files(out)
    for read in (pyhh.Simulation.resume, resume.open_recording):
        with pytest.raises(ValueError, match=r" must be a store written by run\(..., to=...\); "):
            read(out)
    assert files(out) == before


ROOT = ["consolidated_metadata", "metadata"]
TABLE = [*ROOT, "rates/gates"]


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (TABLE, REMOVED),
        ([*TABLE, "shape", 0], 2**40),
        ([*TABLE, "shape", 1], 3),
        ([*TABLE, "attributes", "own_widths"], [0.5]),
        ([*TABLE, "attributes", "width"], 0.25),
        ([*TABLE, "attributes", "width"], 1),
        ([*TABLE, "attributes"], {"first": 0, "repaired": [], "width": 0.25}),
        ([*ROOT, "Na.m.x"], {}),
        ([*ROOT, "../Na.m"], {}),
        ([*ROOT, "zarr.json"], {}),
    ],
    ids=str,
)
def test_crafted_metadata_are_refused(path, to, stored, out):
    shutil.copytree(stored[1], out)
    root = json.loads((out / "zarr.json").read_text())
    change(root, path, root["consolidated_metadata"]["metadata"]["Na.m"] if to == {} else to)
    (out / "zarr.json").write_text(json.dumps(root))
    for read in (pyhh.Simulation.resume, resume.open_recording):
        with pytest.raises(ValueError, match=r" must be a store written by run\(..., to=...\); "):
            read(out)


@pytest.mark.parametrize(
    ("stimulus", "speed", "ways"),
    [
        (10.0, 1e5, "method='adaptive' or a smaller dt"),
        (1e5, 1.0, "a weaker stimulus, or other parameters"),
    ],
)
def test_a_run_that_had_diverged_says_what_gives_the_right_result(stimulus, speed, ways, out):
    neuron = NEURON.replace({"K.n.speed": 5 * speed})
    simulation = pyhh.Simulation(neuron)
    with pytest.raises(pyhh.SimulationError, match="the run diverged") as first:
        simulation.run(stimulus, 0.05, duration=100, to=out)
    step, V = first.value.step, first.value.V
    assert np.isfinite(simulation.Vm)
    message = (
        f"the run had failed at step {step} (t = {step * 0.05:g} ms), at V = {V:.6g} mV, before it "
        f"was resumed, and fails there again: its method, 'euler', and its dt, 0.05 ms, stay as "
        f"they are. Run it again into another store, with {ways}."
    )
    with pytest.raises(pyhh.SimulationError, match=f"^{re.escape(message)}$") as again:
        pyhh.Simulation.resume(out)
    assert (again.value.step, again.value.V) == (step, V)


def test_leak_alone_has_no_tables(tmp_path):
    simulation = pyhh.Simulation(Neuron(leak=Channel(0.1, E=-65)))
    simulation.run(1.0, 0.01, duration=5.0, to=tmp_path / "run.zarr")
    assert not (tmp_path / "run.zarr/rates").exists()
    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr", duration=10.0)
    simulation.run(1.0, 0.01, duration=5.0)
    assert same_state(resumed, simulation)


def test_forms_are_stored_by_their_numbers(stored):
    with xarray.open_zarr(stored[1]) as dataset:
        channels = dataset.attrs["neuron"]["declaration"]["channels"]
    assert [channel["name"] for channel in channels] == ["leak", "Na", "K", "M", "A"]
    alpha = channels[2]["gates"][0]["functions"]["alpha"]
    assert alpha == linoid(0.1, -34, 10).description()
    assert channels[3]["gates"][0]["functions"] == {"inf": None, "tau": None}
