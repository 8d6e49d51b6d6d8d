"""The default threshold of spikes.

Numbers are of the built-in model: `Absolute` is the same cell, its voltages shifted by 65 mV.
"""

import gc
import weakref

import numpy as np
import pytest
from custom_models import SHIFT, Absolute, InPython
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast.equilibria import rest_states
from pyhh_fast.equilibria.spike_threshold import default_threshold


class AbsoluteWithCustomStep(Absolute, InPython):
    pass


def absolute(kind=Absolute):
    """Return a model at rest, which is that of the built-in model, 0.000278 mV, shifted."""
    return kind.at_rest()


@pytest.mark.parametrize("kind", [pyhh.HHModel, InPython, Warm])
def test_threshold_is_50_for_a_rest_near_0(kind):
    assert default_threshold(kind(3.0)) == 50
    recording = pyhh.Simulation(kind.at_rest()).run(10, 0.01, duration=1)
    assert recording.threshold == 50


@pytest.mark.parametrize("parameters", [{"EKleak": 60.0}, {"gNa": 0.0, "gK": 0.0, "EKleak": -60.0}])
def test_threshold_of_built_in_rates_is_always_50(parameters):
    assert default_threshold(pyhh.HHModel(**parameters)) == 50


@pytest.mark.parametrize("kind", [Absolute, AbsoluteWithCustomStep])
def test_threshold_of_custom_rates_is_50_above_rest(kind):
    rest = pyhh.HHModel.at_rest().Vm + SHIFT
    assert default_threshold(kind(-20.0)) == pytest.approx(rest + 50, abs=1e-6)


def test_rest_counts_as_near_0_within_15_mV():
    leak = dict.fromkeys(["gNa", "gK"], 0.0)
    assert default_threshold(Warm(**leak, EKleak=14.9)) == 50
    assert default_threshold(Warm(**leak, EKleak=-14.9)) == 50
    assert default_threshold(Warm(**leak, EKleak=15.1)) == pytest.approx(65.1, abs=1e-6)
    assert default_threshold(Warm(**leak, EKleak=-15.1)) == pytest.approx(34.9, abs=1e-6)


def test_threshold_without_rest_is_50_above_the_unstable_equilibrium():
    # The cell fires spontaneously.
    shifted = Absolute(-65.0, EKleak=60 + SHIFT)
    with pytest.raises(ValueError, match="must have a stable resting potential") as caught:
        Absolute.at_rest(EKleak=60 + SHIFT)
    (unstable,) = caught.value.found
    assert abs(unstable) > 15
    assert default_threshold(shifted) == pytest.approx(unstable + 50, abs=1e-6)


def test_threshold_is_50_where_the_search_for_rest_fails():
    class Locked(Absolute):
        def _UpdateGateTimeConstants(self, Vm):
            raise OSError

    model = Absolute(-65.0)
    model.__class__ = Locked
    assert default_threshold(model) == 50
    assert default_threshold(object()) == 50


@pytest.mark.parametrize(
    "run",
    [
        lambda model: pyhh.Simulation(model).Run(np.ones(10), 0.01),
        lambda model: pyhh.fi_curve(model, [10.0]),
        lambda model: pyhh.sweep(model, {"gNa": [100]}, 1.0, 0.01, duration=1.0),
    ],
)
def test_class_in_place_of_a_gate_is_refused(run):
    pytest.importorskip("xarray")
    model = Absolute()
    model.n = int
    with pytest.raises(TypeError, match=r"^model must have n\.state; got type without it\. Set"):
        run(model)


def test_runs_in_absolute_mV_have_the_same_spikes():
    built_in = pyhh.HHModel.at_rest()
    threshold = built_in.Vm + 50
    expected = pyhh.Simulation(built_in).run(10, 0.01, duration=100, threshold=threshold)
    expected = expected.spike_times
    assert expected.size == 7
    recording = pyhh.Simulation(absolute()).run(10, 0.01, duration=100)
    np.testing.assert_allclose(recording.spike_times, expected, rtol=0, atol=1e-8)
    simulation = pyhh.Simulation(absolute())
    simulation.Run(np.full(10_000, 10.0), 0.01)
    np.testing.assert_array_equal(simulation.recording.spike_times, recording.spike_times)
    assert simulation.recording.threshold == recording.threshold
    cells = pyhh.Population.from_model(absolute(), 2).run(10, 0.01, duration=100)
    assert cells.threshold == recording.threshold
    assert cells.spike_counts.tolist() == [7, 7]


def test_threshold_argument_is_used():
    model = absolute()
    assert pyhh.Simulation(model).run(10, 0.01, duration=1, threshold=3.0).threshold == 3
    assert (
        pyhh.Population.from_model(model, 1).run(10, 0.01, duration=1, threshold=3).threshold == 3
    )


def test_analysis_in_absolute_mV_has_the_same_results():
    # Values of `test_method_figures`, and 2.2410 by DOP853.
    assert pyhh.rheobase(absolute()) == pytest.approx(2.241, abs=5e-4)
    rates = pyhh.fi_curve(absolute(), [10, 20])
    np.testing.assert_allclose(rates, [68.3, 86.5], rtol=0, atol=0.05)
    expected = pyhh.strength_duration(pyhh.HHModel.at_rest(), [0.1, 1.0])
    np.testing.assert_allclose(pyhh.strength_duration(absolute(), [0.1, 1.0]), expected, rtol=3e-6)


def test_sweeps_in_absolute_mV_have_the_same_spikes(tmp_path):
    pytest.importorskip("xarray")
    grid = {"current": [0.0, 10.0]}

    def counts(**options):
        return pyhh.sweep(absolute(), grid, 0, 0.01, duration=100, **options)

    result = counts(out=tmp_path / "sweep.zarr")
    assert result.spike_counts.values.tolist() == [0, 7]
    assert result.attrs["threshold"] == default_threshold(absolute())
    assert counts(threshold=45.0).spike_counts.values.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"with threshold -14\.99\d* instead of 45\.0"):
        counts(out=tmp_path / "sweep.zarr", threshold=45.0)


def test_stored_runs_keep_the_threshold(tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "run.zarr"
    first = pyhh.Simulation(absolute()).run(10, 0.01, duration=50, to=path)
    assert first.threshold == default_threshold(absolute())
    longer = pyhh.Simulation.resume(path, duration=100).recording
    assert longer.threshold == first.threshold
    assert longer.spike_times.size == 7


def test_state_loaded_without_its_class_has_the_threshold_of_the_model(tmp_path):
    class Lower(pyhh.HHModel):
        ENa, EK, EKleak = 85, -42, -19.4

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm + 30)

    # The file has rates from -50 mV on; the search for a rest extends below that.
    simulation = pyhh.Simulation(Lower.at_rest())
    simulation.save_state(tmp_path / "state.json")
    loaded = pyhh.Simulation.load_state(tmp_path / "state.json")
    recording = loaded.run(10, 0.01, duration=100)
    assert recording.threshold == default_threshold(Lower(0.0)) == pytest.approx(20, abs=1e-3)
    assert recording.spike_times.size == 7


class Shifted(Absolute):
    """Its rates depend on an attribute."""

    shift = 0.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(float(Vm) - self.shift)


def test_rest_is_searched_once_for_equal_models(monkeypatch):
    searched = []
    search = rest_states.rest_of

    def counted(*arguments, **options):
        searched.append(arguments)
        return search(*arguments, **options)

    monkeypatch.setattr(rest_states, "rest_of", counted)
    first = default_threshold(Shifted(-65.0))
    assert default_threshold(Shifted(-20.0)) == first
    assert len(searched) == 1
    other = Shifted(-65.0, gKleak=5.0)
    assert default_threshold(other) != first
    assert len(searched) == 2
    # Rates may depend on any attribute.
    other.shift = 3.0
    changed = default_threshold(other)
    assert len(searched) == 3
    assert changed != default_threshold(Absolute(-65.0, gKleak=5.0))
    with_custom_step = AbsoluteWithCustomStep(-65.0)
    assert default_threshold(with_custom_step) == default_threshold(with_custom_step)
    assert len(searched) == 6


def test_cache_of_rests_does_not_keep_a_class_alive():
    class Local(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)

    assert default_threshold(Local()) == 50
    known = weakref.ref(Local)
    del Local
    gc.collect()
    assert known() is None
