"""What resume does not take: other arguments, other builds, stores that were changed."""

import json
import shutil

import pytest
from model_states import resting_simulation
from store_files import NOISE, files

import pyhh_fast as pyhh
from pyhh_fast.storage import resume

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")


def test_store_of_another_build_is_refused(out, monkeypatch):
    resting_simulation().run(10.0, 0.01, duration=50.0, to=out)
    monkeypatch.setattr("pyhh_fast.storage.resume.BUILD", "9.9.9, sources abc, with FMA")
    message = "must be a store of this build of pyhh_fast, 9.9.9, sources abc, with FMA; got one of"
    with pytest.raises(ValueError, match=message):
        pyhh.Simulation.resume(out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"duration": 49.0}, "duration must be that of the whole run, 50 ms or more, which are "),
        ({"duration": 60.001}, "duration must be a whole number of steps (ms); got 60.001"),
        (
            {"stimulus": [1.0, 2.0]},
            "stimulus must be that of the run, constant(10); got [1.0, 2.0] (list). Leave it out: "
            "the store holds it.",
        ),
        ({"stimulus": 11.0}, "stimulus must be that of the run, constant(10); got constant(11)."),
        (
            {"model": pyhh.HHModel(gK=30)},
            "model must be the one that was saved; got one with gK 30",
        ),
        ({"path": "no.zarr"}, "'no.zarr' must be a store written by run(..., to=...); got "),
    ],
    ids=lambda value: str(value).partition(" at 0x")[0],  # of a model
)
def test_wrong_arguments_of_resume_are_refused(arguments, message, out):
    resting_simulation().run(10.0, 0.01, duration=50.0, to=out)
    before = files(out)
    with pytest.raises((TypeError, ValueError)) as error:
        pyhh.Simulation.resume(**{"path": out, **arguments})
    assert str(error.value).startswith(message)
    assert files(out) == before


def change_attributes(store, **changes):
    root = json.loads((store / "zarr.json").read_text())
    for key, value in changes.items():
        *path, last = key.split("__")
        at = root["attributes"]
        for part in path:
            at = at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value
    (store / "zarr.json").write_text(json.dumps(root))


@pytest.fixture(scope="module")
def noisy_store(tmp_path_factory):
    store = tmp_path_factory.mktemp("noisy") / "run.zarr"
    resting_simulation().run(NOISE, 0.01, duration=50.0, to=store, record=("Vm",), every=10)
    return store


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": -1},
        {"steps": 4_000},
        {"dt": 0},
        {"dt": "0.01"},
        {"method": "magic"},
        {"every": 0},
        {"every": 7},
        {"envelope": 0.5},
        {"recorded": "Vm"},
        {"recorded": ["Vm", "INa"]},
        {"state": None},
        {"state": 5},
        {"state__step": 2**60},
        {"state__step": 5_001},
        {"state__spikes": 10_000},
        {"state__cell__V": "1"},
        {"state__cell__V": 1e999},
        {"state__cell": None},
        {"state__window": [0, 1]},
        {"state__stimulus": {"step": 3}},
        {"done": 10**9},
        {"model__parameters__Cm": 0},
        {"model__parameters": {}},
        {"model__state__Vm": None},
        {"model__own_kinetics": True},
        {"stimulus": {"kind": "evil"}},
        {"stimulus": {"kind": "constant", "amplitude": [10.0, 20.0]}},
        {"stimulus": 3},
    ],
    ids=str,
)
def test_store_with_crafted_attributes_is_refused(changes, noisy_store, out):
    shutil.copytree(noisy_store, out)
    change_attributes(out, **changes)
    with pytest.raises(ValueError, match=r" must be a store written by run\(..., to=...\); got "):
        pyhh.Simulation.resume(out)


@pytest.mark.parametrize("change", ["renamed", "removed", "added"])
def test_store_with_renamed_removed_or_added_arrays_is_refused(change, out):
    resting_simulation().run(10.0, 0.01, duration=50.0, to=out, record=("Vm", "StateM"), every=10)
    root = json.loads((out / "zarr.json").read_text())
    listed = root["consolidated_metadata"]["metadata"]
    listed["StateX"] = listed["StateM"]
    (out / "StateM").rename(out / "StateX")
    if change == "added":
        shutil.copytree(out / "StateX", out / "StateM")
    else:
        del listed["StateM"]
    if change == "removed":
        del listed["StateX"]
    (out / "zarr.json").write_text(json.dumps(root))
    before = files(out)
    for read in (resume.open_recording, pyhh.Simulation.resume):
        with pytest.raises(ValueError, match=r"are not what was written \(arrays "):
            read(out)
    with pytest.raises(ValueError, match=" must be a store written by run"):
        pyhh.Simulation.resume(out, duration=100)
    assert files(out) == before
