"""Sweeps over the numbers of pools and of what follows them, and stores of runs with calcium."""

import numpy as np
import pytest
from calcium_neurons import bursting, low_threshold

import pyhh_fast as pyhh
from pyhh_fast import Channel, Pool

xarray = pytest.importorskip("xarray")
pytest.importorskip("zarr")

GRID = {
    "Ca.tau": [5.0, 80.0],
    "Ca.gain": [5e-5, 1e-3],
    "Ca.rest": [1e-4, 2.4e-4],
    "T.E.outside": [1.0, 2.0],
    "T.E.celsius": [24.0, 36.0],
}


def test_points_are_neurons_with_these_numbers():
    found = pyhh.sweep(
        low_threshold(), GRID, 0.2, 0.05, duration=60, method="rk4", reduce="final_Ca"
    )
    units = {name: found[name].attrs["units"] for name in GRID}
    assert units == {
        "Ca.tau": "ms",
        "Ca.gain": "mM/ms per µA/cm²",
        "Ca.rest": "mM",
        "T.E.outside": "mM",
        "T.E.celsius": "°C",
    }
    for which in ([0] * 5, [1] * 5, [0, 1, 0, 1, 0]):
        point = dict(zip(GRID, which, strict=True))
        own = low_threshold().replace({path: GRID[path][i] for path, i in point.items()})
        simulation = pyhh.Simulation(own)
        recording = simulation.run(0.2, 0.05, duration=60, method="rk4")
        assert found["final_Ca"].isel(point).item() == pytest.approx(recording["Ca"][-1], rel=1e-10)
    assert found["final_Ca"].attrs["units"] == "mM"


def test_numbers_that_cannot_be_are_refused():
    for path, values, message in [
        ("Ca.tau", [5.0, 0.0], r"Ca.tau must be .* positive, finite numbers \(ms\); got 0"),
        (
            "T.E.celsius",
            [36.0, 99.0],
            r"T.E.celsius must be from 0 to 50 \(°C\); got 99 at index 1",
        ),
        ("T.E", [120.0], "E of T follows a pool"),
    ]:
        with pytest.raises(ValueError, match=message):
            pyhh.sweep(low_threshold(), {path: values}, 0.2, 0.05, duration=60)


def test_a_store_is_continued_with_its_tables(tmp_path):
    neuron = bursting()
    grid = {"Ca.tau": [20.0, 80.0], "AHP.g": [1.0, 3.0]}

    def short(neuron, **others):
        return pyhh.sweep(neuron, grid, 3.0, 0.05, duration=100, reduce="spike_counts", **others)

    expected = short(neuron)["spike_counts"]
    assert expected.values.max() > 3
    np.testing.assert_array_equal(short(neuron, out=tmp_path / "s")["spike_counts"], expected)
    np.testing.assert_array_equal(short(neuron, out=tmp_path / "s")["spike_counts"], expected)
    CaL = neuron.channels["CaL"]
    with pytest.warns(UserWarning, match="no channel feeds pool Ca"):
        unfed = bursting(CaL=Channel(CaL.g, E=CaL.E, shift=CaL.shift, **CaL.gates))
    two = neuron.with_channels(Cb=Pool(1, 2, gain=3))
    for other, got in (
        (unfed, "feeds"),
        (two, "pools"),
        (neuron.replace({"Ca.rest": 2e-4}), ""),
    ):
        with pytest.raises(ValueError, match=f"out must be a store of this sweep, or new; .*{got}"):
            short(other, out=tmp_path / "s")


@pytest.mark.parametrize("method", ["adaptive", "rk4", "exponential_euler", "euler"])
def test_a_run_to_a_store_is_resumed_to_the_bit(method, tmp_path):
    def begun(duration, **others):
        simulation = pyhh.Simulation(bursting(), Vm=-55)
        return simulation.run(3.0, 0.02, duration=duration, method=method, **others)

    whole = begun(200.0)
    begun(90.0, to=tmp_path / "run.zarr")
    resumed = pyhh.Simulation.resume(tmp_path / "run.zarr", duration=200.0)
    for name in bursting().variables:
        np.testing.assert_array_equal(resumed.recording[name], whole[name], err_msg=name)
    opened = xarray.open_zarr(tmp_path / "run.zarr")
    assert opened["Ca"].attrs["units"] == "mM"
    assert opened["Ca"].dims == ("time",)
    np.testing.assert_array_equal(opened["Ca"], whole["Ca"])
