"""Analysis functions: their initial states, default steps and errors.

The reference is SciPy's DOP853 (`reference.solve`), or the adaptive method, which `test_adaptive`
compares with it; figures of the built-in model are those of `test_published_figures`.
"""

import pickle
import re

import numpy as np
import pytest
import reference
from custom_models import Fast
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast.analysis import setup
from pyhh_fast.analysis.hodgkin_huxley import ModelSubject
from pyhh_fast.engine.time_steps import default_step, speed, step_for_cells
from pyhh_fast.kinetics.built_in import BuiltIn
from pyhh_fast.variables import PARAMETERS


def model_within_a_spike():
    """Return a model in the middle of a spike, after a run."""
    model = pyhh.HHModel.at_rest()
    pyhh.Simulation(model).run(10, 0.01, duration=102)
    return model


def fires(current, duration, wait=20.0):
    start = reference.steady(pyhh.HHModel.at_rest().Vm)
    protocol = [(duration, current), (wait, 0.0)]
    options = {"rtol": 1e-9, "atol": 1e-9}
    return bool(reference.solve(reference.Parameters(), start, protocol, **options).spike_times)


# --- starts --------------------------------------------------------------------------------------


def pickled_state(model):
    return pickle.dumps([vars(model), *(vars(gate) for gate in (model.m, model.h, model.n))])


@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
def test_analysis_does_not_change_the_model(kind):
    model = kind(3.0, gNa=130)
    before = pickled_state(model)
    pyhh.fi_curve(model, [0, 20], duration=20.0)
    pyhh.rheobase(model, 20.0)
    pyhh.strength_duration(model, [1, 2])
    pyhh.steady_state(model, [0, 20])
    pyhh.phase_plane(model, 20.0)
    assert pickled_state(model) == before


@pytest.mark.parametrize("model", [pyhh.HHModel(), pyhh.HHModel.at_rest(), model_within_a_spike()])
def test_analysis_starts_from_rest_by_default(model):
    before = [vars(gate).copy() for gate in (model.m, model.h, model.n)]
    assert pyhh.rheobase(model) == pytest.approx(2.241, abs=5e-4)
    found = pyhh.strength_duration(model, [0.1, 1.0])
    np.testing.assert_allclose(found, [65.15, 6.921], rtol=1e-4)
    rates = pyhh.fi_curve(model, [6.5, 7, 8])
    np.testing.assert_allclose(rates, [55.0, 58.3, 62.5], rtol=0, atol=0.06)
    assert before == [vars(gate) for gate in (model.m, model.h, model.n)]


@pytest.mark.parametrize("method", ["exponential_euler", "adaptive"])
def test_analysis_starts_from_the_state_of_the_model_on_request(method):
    # A new model has h = 0, which keeps it from firing.
    options = {"method": method, "start": "model"}
    assert pyhh.rheobase(pyhh.HHModel(), **options) == pytest.approx(9.84, abs=0.01)
    np.testing.assert_array_equal(pyhh.fi_curve(pyhh.HHModel(), [6.5, 7, 8], **options), 0)


def test_model_without_rest_warns():
    with pytest.warns(UserWarning, match="no stable resting potential") as caught:
        pyhh.rheobase(pyhh.HHModel(EKleak=60), 5.0)
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("method", ["exponential_euler", "adaptive"])
def test_spontaneously_firing_model_has_rheobase_0(method):
    with pytest.warns(UserWarning, match="no stable resting potential"):
        assert pyhh.rheobase(pyhh.HHModel(gNa=100, gK=5, EK=-35), method=method) == 0


# --- the adaptive method -------------------------------------------------------------------------


def test_adaptive_rates_equal_those_of_single_runs():
    currents = [5.0, 7.0, 20.0]
    expected = []
    for current in currents:
        run = pyhh.Simulation(pyhh.HHModel.at_rest()).run(
            current, 0.01, duration=300, method="adaptive", record=()
        )
        late = run.spike_times[run.spike_times >= 150]
        expected.append(1000 / np.diff(late).mean() if late.size else 0.0)
    for threads in (1, 3):
        rates = pyhh.fi_curve(
            pyhh.HHModel(), currents, duration=300, method="adaptive", threads=threads
        )
        np.testing.assert_allclose(rates, expected, rtol=1e-12)


@pytest.mark.parametrize("duration", [0.0123, 0.7, 20.0])
def test_adaptive_thresholds_match_the_reference(duration):
    found = pyhh.strength_duration(pyhh.HHModel(), duration, method="adaptive")
    assert fires(found * (1 + 1e-5), duration)
    assert not fires(found * (1 - 1e-5), duration)


def test_adaptive_method_shows_progress(capsys):
    options = {"duration": 20.0, "method": "adaptive", "progress": True}
    pyhh.fi_curve(pyhh.HHModel(), [0, 20], **options)
    assert "4.00k/4.00k" in capsys.readouterr().err


def test_adaptive_phase_plane_matches_fixed_steps():
    model = pyhh.HHModel.at_rest()
    fixed = pyhh.phase_plane(model, 10.0, method="rk4")
    plane = pyhh.phase_plane(model, 10.0, method="adaptive")
    np.testing.assert_allclose(plane.trajectory_V, fixed.trajectory_V, rtol=0, atol=1e-3)


def test_rates_that_stop_the_solver_are_reported():
    class Endless(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha = self.m.alpha * (1 + 1e30 * (Vm > 40))

    message = (
        "under 1 of 1 currents the model diverged, 20 µA/cm² for one, and the rate is NaN. Check "
        "the parameters, and the rates of an overridden _UpdateGateTimeConstants."
    )
    with pytest.warns(UserWarning, match="diverged") as caught:
        rate = pyhh.fi_curve(Endless(), 20.0, duration=50, method="adaptive")
    assert np.isnan(rate)
    assert str(caught[0].message) == message


# --- the default step ----------------------------------------------------------------------------


def test_default_step_for_fast_kinetics_has_error_below_1e_4():
    currents = [10.0, 50.0]
    truth = pyhh.fi_curve(Fast(), currents, duration=200, method="adaptive")
    assert truth.min() > 600
    np.testing.assert_allclose(pyhh.fi_curve(Fast(), currents, duration=200), truth, rtol=1e-4)
    truth = pyhh.rheobase(Fast(), 40.0, method="adaptive")
    assert pyhh.rheobase(Fast(), 40.0) == pytest.approx(truth, rel=1e-4)


def test_default_step_of_the_built_in_model_is_0_01_ms():
    model = pyhh.HHModel()
    assert speed(model, BuiltIn()) == 1
    assert default_step(1) == 0.01
    rates = pyhh.fi_curve(model, [10, 20], duration=100)
    np.testing.assert_array_equal(pyhh.fi_curve(model, [10, 20], duration=100, dt=0.01), rates)


@pytest.mark.parametrize(
    ("parameters", "parts"),
    [({"Cm": 0.1}, 9), ({"Cm": 0.5}, 2), ({"gNa": 130}, 1), ({"gNa": 10}, 1)],
)
def test_default_step_is_0_01_ms_over_a_whole_number(parameters, parts):
    model = pyhh.HHModel(**parameters)
    assert default_step(speed(model, BuiltIn())) == pytest.approx(0.01 / parts, rel=1e-12)


def test_default_step_follows_fast_gates():
    assert default_step(ModelSubject(Fast()).speed()) == pytest.approx(0.01 / 11, rel=1e-12)


def test_default_step_of_many_cells_follows_fastest_gate_and_membrane():
    # Gates are fastest at the ends: at 300 mV alpha_m is 27.5 /ms, three times that at 115 mV.
    gates = {"ENa": 300.0}
    membrane = {"gNa": 150.0}  # its membrane is 1.19 times as fast as that of the other
    least = 0.05 * 1.15  # ms at the default rates; 15 % faster ones count as these
    steps = [least / speed(pyhh.HHModel(**p), BuiltIn()) for p in (gates, membrane)]
    assert steps[0] == pytest.approx(least * (9.002 + 4 * np.exp(-115 / 18)) / 27.5, rel=1e-2)
    assert steps[1] == pytest.approx(least * 156.3 / 186.3, rel=1e-12)
    for order in ([0, 1], [1, 0]):
        cells = {name: np.full(2, getattr(pyhh.HHModel, name)) for name in PARAMETERS}
        cells["ENa"][order[0]], cells["gNa"][order[1]] = 300.0, 150.0
        assert step_for_cells(cells, BuiltIn()) == pytest.approx(min(steps), rel=1e-12)
    # With the membrane the faster of the two.
    cells = {name: np.full(2, getattr(pyhh.HHModel, name)) for name in PARAMETERS}
    cells["ENa"][0], cells["Cm"][1] = 300.0, 0.1
    assert step_for_cells(cells, BuiltIn()) == pytest.approx(least / 10, rel=1e-12)


def test_disjoint_voltage_ranges_of_cells_are_searched_separately():
    # The rates are fast only between the two ranges, where no cell comes.
    class Resonant(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.m.alpha = self.m.alpha + 1e3 * np.exp(-(((Vm - 400) / 20) ** 2))

    apart = {"ENa": [115.0, 715.0], "EK": [-12.0, 588.0], "EKleak": [10.6, 610.6]}
    cells = {name: np.full(2, getattr(pyhh.HHModel, name)) for name in PARAMETERS}
    cells |= {name: np.array(values) for name, values in apart.items()}
    far = pyhh.HHModel(**{name: values[1] for name, values in apart.items()})
    kinetics = ModelSubject(Resonant()).kinetics
    expected = 0.05 * 1.15 / speed(far, kinetics)
    assert step_for_cells(cells, kinetics) == pytest.approx(expected, rel=1e-12)


def test_too_large_step_warns():
    message = (
        "dt is 0.01 ms; steps of 0.00479 ms or less are recommended for the rates of this model. "
        "Leave dt out, or use method='adaptive'."
    )
    with pytest.warns(UserWarning, match="recommended") as caught:
        pyhh.rheobase(Fast(), 1.0, dt=0.01)
    assert [str(warning.message) for warning in caught] == [message]
    assert caught[0].filename == __file__


@pytest.mark.parametrize("function", [pyhh.fi_curve, pyhh.strength_duration])
def test_remaining_error_warns(function, monkeypatch):
    # Make the default step ten times too large.
    monkeypatch.setattr("pyhh_fast.engine.time_steps.STEP", 0.1)
    where = {"fi_curve": "the rate under 20 µA/cm²", "strength_duration": "the current for 20 ms"}
    with pytest.warns(UserWarning, match="has an error of") as caught:
        found = function(Fast(), 20.0)
    text = f"^{where[function.__name__]} has an error of [+-]0.[0-9]+ % at dt 0.00909 ms, and "
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert re.match(text, str(caught[0].message)), str(caught[0].message)
    truth = function(Fast(), 20.0, method="adaptive")
    error = float(str(caught[0].message).split("has an error of ")[1].split(" %")[0])
    assert error == pytest.approx(100 * (found / truth - 1), rel=0.05)


# --- durations -----------------------------------------------------------------------------------


def test_durations_that_are_no_multiples_of_the_step_are_accurate():
    durations = np.logspace(-1, 2, 20)
    found = pyhh.strength_duration(pyhh.HHModel(), durations)
    truth = pyhh.strength_duration(pyhh.HHModel(), durations, method="adaptive")
    np.testing.assert_allclose(found, truth, rtol=1e-4)
    fine = np.arange(0.1, 0.14, 0.003)
    found = pyhh.strength_duration(pyhh.HHModel(), fine)
    truth = pyhh.strength_duration(pyhh.HHModel(), fine, method="adaptive")
    np.testing.assert_allclose(found, truth, rtol=5e-5)


def test_pulse_shorter_than_a_step_keeps_its_charge():
    whole, tenth = pyhh.strength_duration(pyhh.HHModel(), [0.01, 0.001])
    assert tenth == pytest.approx(10 * whole, rel=2e-6)


def test_durations_are_rounded_to_steps_with_a_tolerance():
    # 0.3 and 0.1 * 3 are both 30 steps of 0.01, up to rounding.
    found = pyhh.strength_duration(pyhh.HHModel(), [0.3, 0.1 * 3])
    assert found[0] == found[1]


@pytest.mark.filterwarnings("ignore:after a pulse of 1 ms the model fires later")
def test_wait_need_not_be_a_multiple_of_the_step():
    found = pyhh.rheobase(pyhh.HHModel(), 1.0, wait=7.123)
    assert found == pytest.approx(pyhh.rheobase(pyhh.HHModel(), 1.0, wait=7.13), rel=1e-9)
    assert pyhh.rheobase(pyhh.HHModel(), 1.0, wait=0) > found


@pytest.mark.filterwarnings("ignore:after a pulse of 1 ms the model fires later")
@pytest.mark.parametrize(
    ("call", "steps"),
    [
        (lambda model, **more: pyhh.fi_curve(model, [0.0, 1e-3], duration=1, **more), "3.5e+04"),
        (lambda model, **more: pyhh.rheobase(model, 1.0, wait=4, **more), "5.6e+06"),
        (lambda model, **more: pyhh.strength_duration(model, [1], wait=4, **more), "5.6e+06"),
    ],
    ids=["fi_curve", "rheobase", "strength_duration"],
)
def test_runs_made_long_by_the_default_step_warn(call, steps, monkeypatch):
    monkeypatch.setattr(setup, "LONG", 1e4)
    message = (
        f"the rates of this model are so fast that dt is 5.7e-05 ms, and {steps} steps of cells "
        "take long. Check the parameters, or pass a larger dt, which method='exponential_euler' "
        "takes, or a shorter duration."
    )
    model = pyhh.HHModel.at_rest(Cm=0.005)
    with pytest.warns(UserWarning, match=f"^{re.escape(message)}$") as caught:
        call(model)
    assert [str(one.message) for one in caught] == [message]
    assert caught[0].filename == __file__
    call(pyhh.HHModel.at_rest(Cm=0.5))  # whose step is not tiny
