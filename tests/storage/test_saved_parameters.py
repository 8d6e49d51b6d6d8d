"""Declared parameters are saved with a state or a run; another value cannot continue it."""

import numpy as np
import pytest
from sweep_models import Warm

import pyhh_fast as pyhh


class Absolute(pyhh.HHModel):
    """Its rest is at -65 mV."""

    ENa, EK, EKleak = 50, -77, -54.4
    note = 1.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm + 65)


def state_file_of(model, path):
    pyhh.Simulation(model).save_state(path / "state.json")
    return lambda **given: pyhh.Simulation.load_state(path / "state.json", **given)


def stored_run_of(model, path):
    pyhh.Simulation(model).run(10, 0.01, duration=5, to=path / "run.zarr")
    return lambda **given: pyhh.Simulation.resume(path / "run.zarr", duration=10, **given)


SAVED = pytest.mark.parametrize("saved", [state_file_of, stored_run_of])


@SAVED
def test_other_value_of_a_declared_parameter_is_refused(saved, tmp_path):
    load = saved(Warm.at_rest(factor=1.5), tmp_path)
    message = r"^model must be the one that was saved; got one with factor 2 instead of 1\.5\.$"
    with pytest.raises(ValueError, match=message):
        load(model=Warm())
    with pytest.raises(ValueError, match=r"got one with other rates\.$"):
        load(model=pyhh.HHModel())
    assert load(model=Warm(factor=1.5)).model.factor == 1.5


@SAVED
def test_custom_rates_are_refused_where_built_in_rates_were_saved(saved, tmp_path):
    (tmp_path / "other").mkdir()
    loaded = state_file_of(Warm.at_rest(), tmp_path / "other")().model
    load = saved(pyhh.HHModel.at_rest(), tmp_path)
    for model in (Warm.at_rest(), loaded):
        with pytest.raises(ValueError, match=r"got one with other rates\.$"):
            load(model=model)


@SAVED
def test_other_value_of_a_parameter_without_effect_on_rates_is_refused(saved, tmp_path):
    load = saved(Absolute.at_rest(note=2), tmp_path)
    with pytest.raises(ValueError, match=r"got one with note 1 instead of 2\.$"):
        load(model=Absolute())


@SAVED
def test_parameter_cannot_be_changed_without_the_model_class(saved, tmp_path):
    simulation = saved(Warm.at_rest(factor=1.5), tmp_path)()
    model = simulation.model
    assert model.factor == 1.5
    load_again = state_file_of(model, tmp_path)  # and saved again, its parameter is still known
    with pytest.raises(ValueError, match=r"got one with factor 2 instead of 1\.5\.$"):
        load_again(model=Warm())
    simulation.run(10, 0.01, duration=1)
    model.factor = 2.0
    message = (
        r"^factor must be as it was saved, 1\.5, because the rates are a table without the model's "
        r"class; got 2\.0\. Pass model=\.\.\. to resume or load_state, and change it there\.$"
    )
    with pytest.raises(ValueError, match=message):
        simulation.run(10, 0.01, duration=1)
    with pytest.raises(ValueError, match=message):
        simulation.save_state(tmp_path / "other.json")
    with pytest.raises(ValueError, match=message):
        model.steady(0.0)


@SAVED
def test_declared_parameter_may_have_any_name(saved, tmp_path):
    class Odd(Warm):
        table, declared = 1.0, 2.0

    load = saved(Odd.at_rest(table=3), tmp_path)
    assert load().model.factor == 2.0
    with pytest.raises(ValueError, match=r"got one with table 1 instead of 3\.$"):
        load(model=Odd())


@pytest.mark.parametrize("duration", [0, 50])
def test_loaded_model_in_absolute_mV_runs_like_the_saved_one(duration, tmp_path):
    model = Absolute.at_rest()
    simulation = pyhh.Simulation(model)
    simulation.run(10, 0.01, duration=duration)
    loaded = state_file_of(model, tmp_path)()
    expected = simulation.run(10, 0.01, duration=50)
    got = loaded.run(10, 0.01, duration=50)
    assert got.threshold == expected.threshold == pytest.approx(-15, abs=0.01)
    assert got.spike_times.size > 2
    np.testing.assert_array_equal(got.spike_times, expected.spike_times)
    np.testing.assert_array_equal(got.Vm, expected.Vm)


def test_model_without_rate_table_at_its_V_is_refused(tmp_path):
    class Kinked(Warm):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(np.maximum(Vm, -120.03))

    model = Kinked.steady(-130.0)
    message = (
        r"^model must be one that can be saved as numbers; got one of which, at its V = -130 mV, "
        r"it was found that .* not smooth .* Pickle it instead\.$"
    )
    with pytest.raises(ValueError, match=message):
        state_file_of(model, tmp_path)
    assert list(tmp_path.iterdir()) == []
