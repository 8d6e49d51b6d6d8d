"""A simulation that is saved and loaded, pickled or copied continues with the same bits."""

import copy
import json
import pickle

import numpy as np
import pytest
from model_states import full_state_of
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast import stimuli


def saved_and_loaded(simulation, tmp_path, model=None):
    simulation.save_state(tmp_path / "state.json")
    return pyhh.Simulation.load_state(tmp_path / "state.json", model=model)


COPIES = {
    "file": saved_and_loaded,
    "file and model": lambda s, path: saved_and_loaded(s, path, type(s.model)(gNa=110)),
    "pickle": lambda s, _: pickle.loads(pickle.dumps(s)),
    "copy": lambda s, _: copy.deepcopy(s),
}


@pytest.mark.parametrize("copy_of", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
@pytest.mark.parametrize("steps", [0, 2_345])
@pytest.mark.parametrize("method", ["euler", "adaptive"])
def test_copy_continues_with_the_same_bits(copy_of, kind, steps, method, tmp_path):
    simulation = pyhh.Simulation(kind.at_rest(gNa=110))
    if steps:
        simulation.run(12.0, 0.01, duration=steps / 100)
    before = full_state_of(simulation.model)
    twin = copy_of(simulation, tmp_path)
    assert full_state_of(twin.model) == before == full_state_of(simulation.model)
    stimulus = stimuli.ornstein_uhlenbeck(10, 3, 5, seed=1)
    runs = [s.run(stimulus, 0.01, duration=60.0, method=method) for s in (simulation, twin)]
    np.testing.assert_array_equal(runs[0].Vm, runs[1].Vm)
    np.testing.assert_array_equal(runs[0].spike_times, runs[1].spike_times)
    assert full_state_of(twin.model) == full_state_of(simulation.model)


def test_loaded_model_can_be_saved_and_stored_again(tmp_path):
    simulation = pyhh.Simulation(Warm.at_rest())
    twin = saved_and_loaded(saved_and_loaded(simulation, tmp_path), tmp_path)
    pytest.importorskip("zarr")
    twin.run(10.0, 0.01, duration=30.0, to=tmp_path / "run.zarr")
    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr", duration=60.0)
    simulation.run(10.0, 0.01, duration=60.0)
    assert full_state_of(resumed.model) == full_state_of(simulation.model)


def test_loaded_model_has_the_saved_rates(tmp_path):
    model = Warm.at_rest()
    loaded = saved_and_loaded(pyhh.Simulation(model), tmp_path).model
    for V in (0.0, -49.9, np.linspace(-50, 150, 7)):
        for one in (model, loaded):
            one._UpdateGateTimeConstants(V)
        np.testing.assert_allclose(loaded.m.alpha, model.m.alpha, rtol=1e-13)
        np.testing.assert_allclose(loaded.n.beta, model.n.beta, rtol=1e-13)
    loaded.iterate(10.0, 0.01)
    message = r"^the rates that were saved are those between -50 and 150 mV$"
    with pytest.raises(ValueError, match=message):
        loaded._UpdateGateTimeConstants(-60.0)
    message = (
        r"^model must be given to continue: V has reached -50.* mV, and the rates that were saved"
    )
    with pytest.raises(ValueError, match=message):
        pyhh.Simulation(loaded).run(-100.0, 0.01, duration=50.0)


@pytest.mark.parametrize(
    ("model", "got"),
    [
        (Warm(gNa=111), "got one with gNa 111 instead of 110."),
        (pyhh.HHModel(gNa=110), "got one with other rates."),
    ],
    ids=["parameter", "rates"],
)
def test_other_model_is_refused(model, got, tmp_path):
    before = full_state_of(model)
    with pytest.raises(ValueError, match=rf"^model must be the one that was saved; {got}$"):
        saved_and_loaded(pyhh.Simulation(Warm.at_rest(gNa=110)), tmp_path, model)
    assert full_state_of(model) == before


def test_model_with_custom_iterate_is_refused(tmp_path):
    class OwnIterate(pyhh.HHModel):
        def iterate(self, stimulusCurrent, deltaTms):
            super().iterate(stimulusCurrent, deltaTms)

    with pytest.raises(ValueError, match=r"^model must be one that can be saved as numbers; got "):
        pyhh.Simulation(OwnIterate()).save_state(tmp_path / "state.json")
    assert list(tmp_path.iterdir()) == []


def test_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
    simulation.save_state(tmp_path / "state.json")
    kept = (tmp_path / "state.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    simulation.run(10.0, 0.01, duration=1.0)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        simulation.save_state(tmp_path / "state.json")
    assert (tmp_path / "state.json").read_bytes() == kept
    assert len(list(tmp_path.iterdir())) == 1


def test_truncated_file_is_refused(tmp_path):
    pyhh.Simulation(Warm.at_rest()).save_state(tmp_path / "state.json")
    whole = (tmp_path / "state.json").read_bytes()
    for length in [*range(0, 1_500, 7), len(whole) // 2, len(whole) - 1]:
        (tmp_path / "state.json").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"^path must be a file that save_state has"):
            pyhh.Simulation.load_state(tmp_path / "state.json")


def changed(content, *path, to):
    content = json.loads(json.dumps(content))
    at = content
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = to
    return content


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (["state_file"], 2),
        (["state_file"], "1"),
        (["model"], []),
        (["model", "parameters", "Cm"], -1),
        (["model", "parameters", "gX"], 1.0),
        (["model", "declared"], []),
        (["model", "declared", "factor"], "2"),
        (["model", "declared", "factor"], 10**400),
        (["model", "declared", "Cm"], 1.0),
        (["model", "declared", "_told"], 1.0),
        (["model", "state", "Vm"], None),
        (["model", "state", "Vm"], float("nan")),
        (["model", "state", "m.state"], "0.5"),
        (["model", "state", "__class__"], 1.0),
        (["model", "own_kinetics"], False),
        (["table"], None),
        (["table"], "rows"),
        (["table", "rows"], ""),
        (["table", "rows"], "AAAA"),
        (["table", "rows"], "<script>"),
        (["table", "first"], 10**9),
        (["table", "first"], 0.5),
        (["table", "width"], 0.3),
        (["more"], 1),
    ],
    ids=str,
)
def test_crafted_file_is_refused(path, to, tmp_path):
    file = tmp_path / "state.json"
    pyhh.Simulation(Warm.at_rest()).save_state(file)
    file.write_text(json.dumps(changed(json.loads(file.read_text()), *path, to=to)))
    with pytest.raises(ValueError, match=r"^path must be a file that save_state has written;"):
        pyhh.Simulation.load_state(file)


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b"\x80\x04\x95", b"null", b'{"state_file": 1}', b"1" * 10_000, b"\xff"],
    ids=["empty", "deep", "pickle", "null", "short", "large number", "no text"],
)
def test_file_of_another_kind_is_refused(content, tmp_path):
    (tmp_path / "state.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"^path must be a file that save_state has written;"):
        pyhh.Simulation.load_state(tmp_path / "state.json")


def test_missing_file_or_directory_is_named(tmp_path):
    with pytest.raises(FileNotFoundError):
        pyhh.Simulation.load_state(tmp_path / "nothing.json")
    with pytest.raises(FileNotFoundError):
        pyhh.Simulation(pyhh.HHModel()).save_state(tmp_path / "no" / "state.json")
    with pytest.raises(TypeError, match=r"^path must be a path of the local file system; got 3.$"):
        pyhh.Simulation.load_state(3)


def test_pickled_recording_of_a_constant_stimulus_is_small():
    recording = pyhh.Simulation(pyhh.HHModel()).run(1.0, 0.01, duration=1e5, record=())
    twin = pickle.loads(pickle.dumps(recording))
    assert len(pickle.dumps(recording)) < 10_000
    assert twin.stimulus.size == 10**7
    assert set(twin.stimulus[:: 10**6]) == {1.0}
