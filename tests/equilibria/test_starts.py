"""Initial states of models and populations: at rest, and with steady gates at any potential."""

import math
import re
import threading

import numpy as np
import pytest
import reference
from custom_models import Absolute
from error_messages import errors, raises
from model_states import state_of
from sweep_models import Warm

import pyhh_fast as pyhh
from pyhh_fast.equilibria import starts

SPONTANEOUS = {"gNa": 100, "gK": 5, "EK": -35}
"""The README's first model: no equilibrium of it is stable."""


def test_at_rest_of_an_instance_keeps_its_attributes():
    class Labelled(pyhh.HHModel):
        gKleak = 0.5

    model = Labelled(30.0, gNa=100)
    model.label, model.trace = "cell 7", [1, 2]
    model.iterate(10.0, 0.01)
    before = state_of(model)
    resting_model = model.at_rest(EKleak=5.0)
    assert type(resting_model) is Labelled
    assert (resting_model.gNa, resting_model.gKleak, resting_model.EKleak) == (100, 0.5, 5.0)
    assert (resting_model.label, resting_model.trace) == ("cell 7", [1, 2])
    assert resting_model.trace is not model.trace
    assert not hasattr(resting_model, "INa")  # of a step of the other
    expected = reference.equilibrium(reference.Parameters(gNa=100, gKleak=0.5, EKleak=5.0))
    np.testing.assert_allclose(state_of(resting_model), expected, atol=1e-12)
    resting_model.m.state = 0.7
    assert (state_of(model), model.EKleak) == (before, 10.6)


def test_at_rest_and_steady_of_an_instance_keep_patched_kinetics():
    def warm(self, Vm):
        pyhh.HHModel._UpdateGateTimeConstants(self, Vm - 5)

    model = pyhh.HHModel(gNa=110)
    model._UpdateGateTimeConstants = warm.__get__(model)
    resting_model = model.at_rest()
    assert resting_model.m is not model.m
    recording = pyhh.Simulation(resting_model).run(0.0, 0.01, duration=20.0)
    assert np.abs(recording.Vm - resting_model.Vm).max() < 1e-9
    assert abs(resting_model.Vm - pyhh.HHModel.at_rest(gNa=110).Vm) > 0.1
    assert model.steady(5.0).m.state == pytest.approx(pyhh.HHModel.steady(0.0).m.state, rel=1e-14)


def test_at_rest_of_a_class_with_other_constructor_arguments():
    class Scaled(pyhh.HHModel):
        def __init__(self, scale):
            super().__init__()
            self.gNa *= scale

    by_class, by_instance = Scaled.at_rest(scale=0.5), Scaled(0.5).at_rest()
    assert by_class.gNa == by_instance.gNa == 60
    assert by_class.Vm == by_instance.Vm == pyhh.HHModel.at_rest(gNa=60).Vm


def test_at_rest_through_super_in_a_subclass():
    class Named(pyhh.HHModel):
        @classmethod
        def at_rest(cls, **parameters):
            model = super().at_rest(**parameters)
            model.name = "cell"
            return model

    assert Named.at_rest(gNa=100).name == "cell"
    assert type(Named.at_rest()) is Named


def test_attributes_that_cannot_be_copied_are_shared():
    model = pyhh.HHModel(gNa=100)
    model.lock, model.trace = threading.Lock(), [1]
    resting_model = model.at_rest()
    assert resting_model.lock is model.lock
    assert resting_model.trace is not model.trace
    assert resting_model.m is not model.m
    assert resting_model.Vm == pyhh.HHModel.at_rest(gNa=100).Vm
    assert model.Vm == 0.0


@pytest.mark.parametrize("kind", [pyhh.HHModel, Absolute])
def test_rest_does_not_depend_on_the_state_of_the_model(kind):
    for V in (np.nan, np.inf, 2.9e263, -400.0):
        model = kind(gNa=110)
        model.Vm = V
        assert state_of(model.at_rest()) == state_of(kind.at_rest(gNa=110))
        assert state_of(starts.start_at_rest(model)) == state_of(kind.at_rest(gNa=110))


def test_model_in_absolute_mV_rests_at_the_shifted_potential():
    # Its other equilibrium, nearest 0 mV, is not its rest.
    assert Absolute.at_rest().Vm == pytest.approx(pyhh.HHModel.at_rest().Vm - 65, abs=1e-9)
    parameters = {"gK": 1.0, "gKleak": 0.1}
    low = Absolute.at_rest(EKleak=-75.0, **parameters).Vm
    assert low == pytest.approx(-74.46, abs=0.01)
    assert Absolute.at_rest(EKleak=-75.0, near=0, **parameters).Vm > -20


def test_steady_is_the_steady_state_at_any_potential():
    for V in (-80.0, -12.5, 0.0, 10.0, 25.0, 60.0, 300.0):
        model = pyhh.HHModel.steady(V, gNa=90)
        steady = pyhh.steady_state(pyhh.HHModel(), V)
        assert (model.Vm, model.gNa) == (V, 90)
        np.testing.assert_allclose(state_of(model)[1:], steady[:3], rtol=1e-15)
    one = pyhh.HHModel(gNa=80).steady(20)
    assert (one.Vm, one.gNa) == (20, 80)


def test_run_from_steady_gates_equals_that_of_hhsharp():
    """V 0 and steady gates, 50 ms of 20 µA/cm² (VALIDATION: HHSharp's unit test)."""
    model = pyhh.HHModel.steady(0)
    pyhh.Simulation(model).run(20, 0.01, duration=50)
    expected = [12.1344631950574, 0.598998710210472, 0.0669057252257422, 0.73607630180196]
    np.testing.assert_allclose(state_of(model), expected, rtol=0, atol=1e-7)


def test_remedies_in_the_message_about_unstable_rest_work():
    message = (
        "parameters must have a stable resting potential; got unstable ones at V = 6.887 mV. "
        'Start there by unstable="steady", or with steady gates at any V by HHModel.steady(V).'
    )
    with raises(ValueError, message):
        pyhh.HHModel.at_rest(**SPONTANEOUS)
    model = pyhh.HHModel.at_rest(unstable="steady", **SPONTANEOUS)
    expected = reference.equilibrium(reference.Parameters(**SPONTANEOUS))
    np.testing.assert_allclose(state_of(model), expected, atol=1e-12)
    start = state_of(pyhh.HHModel.steady(6.886795301234753, **SPONTANEOUS))
    np.testing.assert_allclose(state_of(model), start, atol=1e-12)
    # It leaves the equilibrium, and fires.
    model.Vm += 0.01
    assert pyhh.Simulation(model).run(0, 0.01, duration=300).spike_times.size > 3


def test_unstable_cell_of_a_population_is_named():
    gNa, gK = np.array([120.0, 100.0, 120.0, 100.0]), np.array([36.0, 5.0, 30.0, 5.0])
    EK = np.array([-12.0, -35.0, -12.0, -35.0])
    parameters = {"gNa": gNa, "gK": gK, "EK": EK}
    message = (
        "parameters of cell 1 must have a stable resting potential; got unstable ones at V = "
        '6.887 mV. Start there by unstable="steady", or with steady gates at any V by '
        "Population.steady(size, V)."
    )
    with raises(ValueError, message):
        pyhh.Population.at_rest(4, **parameters)


def test_near_may_differ_from_cell_to_cell():
    parameters = {"gK": 1.0, "gKleak": 0.1, "EKleak": -10.0}
    population = pyhh.Population.at_rest(4, near=[0, 60, -100, 30], **parameters)
    np.testing.assert_allclose(population.Vm, [-9.46, 49.75, -9.46, 49.75], atol=0.01)
    assert pyhh.Population.at_rest(3, **parameters).Vm[2] == population.Vm[0]


def test_unstable_equilibrium_nearest_the_leak_or_near_is_chosen():
    parameters = {"gNa": 151.43, "gK": 5.19, "gKleak": 0.22, "EK": -45.73, "EKleak": 3.34}
    found = [-0.47, 9.61, 26.10]
    for near, V in ((None, found[0]), (10.0, found[1]), (100.0, found[2])):
        choice = {"near": near, "unstable": "steady"}
        assert pyhh.HHModel.at_rest(**choice, **parameters).Vm == pytest.approx(V, abs=0.05)
        population = pyhh.Population.at_rest(2, **choice, **parameters)
        assert population.Vm[1] == pytest.approx(V, abs=0.05)


NO_CONDUCTANCES = {"gNa": 0.0, "gK": 0.0, "gKleak": 0.0}


def test_parameters_without_equilibrium_are_refused():
    message = (
        "parameters must have an equilibrium; got none. Start with steady gates at any V by "
        "HHModel.steady(V)."
    )
    for unstable in ("raise", "steady"):
        with raises(ValueError, message):
            pyhh.HHModel.at_rest(unstable=unstable, **NO_CONDUCTANCES)
    message = (
        "parameters of cell 2 must have an equilibrium; got none. Start with steady gates at any "
        "V by Population.steady(size, V)."
    )
    with raises(ValueError, message):
        pyhh.Population.at_rest(3, gNa=0, gK=0, gKleak=[0.3, 0.3, 0.0], unstable="steady")


def test_steady_population_has_the_gates_of_steady_models():
    V = np.array([-30.0, 0.0, 25.0])
    population = pyhh.Population.steady(3, V, gNa=[100, 110, 120])
    for cell in range(3):
        model = pyhh.HHModel.steady(V[cell])
        got = [getattr(population, name)[cell] for name in ("Vm", "StateM", "StateH", "StateN")]
        np.testing.assert_allclose(got, state_of(model), rtol=1e-15)
    assert population.gNa.tolist() == [100, 110, 120]
    assert pyhh.Population.steady(2, 5).Vm.tolist() == [5, 5]
    assert pyhh.Population.steady(0, 5).size == 0


def test_start_at_rest_does_not_change_the_model():
    model = pyhh.HHModel(70.0, gNa=110)
    start = starts.start_at_rest(model)
    assert state_of(start) == state_of(pyhh.HHModel.at_rest(gNa=110))
    assert model.Vm == 70.0


@pytest.mark.parametrize("cls", [pyhh.HHModel, Warm])
@pytest.mark.parametrize("V", [np.nan, np.inf, -1e300])
def test_analysis_from_rest_does_not_depend_on_the_state(cls, V):
    model = cls()
    model.Vm = V
    model.m.state, model.h.state, model.n.state = np.nan, np.inf, 5.0  # 5 would warn of itself
    fresh = cls()
    for analysis in (
        lambda model: pyhh.fi_curve(model, [0, 10], duration=200),
        lambda model: pyhh.rheobase(model, 20.0),
        lambda model: pyhh.strength_duration(model, [0.1, 1.0]),
        lambda model: pyhh.steady_state(model, [0.0, 50.0]),
        lambda model: model.at_rest().Vm,
        lambda model: model.at_rest(gNa=110).h.state,
    ):
        np.testing.assert_array_equal(analysis(model), analysis(fresh))
    refused = r"^(Vm|m\.state) must be a finite number( \(mV\))?; got (nan|inf)\.$"
    for analysis in (
        lambda: pyhh.fi_curve(model, [0, 10], start="model"),
        lambda: pyhh.rheobase(model, start="model"),
        lambda: pyhh.strength_duration(model, [0.1, 1.0], start="model"),
        lambda: pyhh.phase_plane(model),  # its trajectory starts in the state of the model
    ):
        with pytest.raises(ValueError, match=refused):
            analysis()


def test_analysis_from_rest_after_a_diverged_run():
    model = pyhh.HHModel.at_rest()
    with pytest.raises(pyhh.SimulationError):
        pyhh.Simulation(model).run(1e9, 0.05, duration=50)
    assert abs(model.Vm) > 1e6
    assert pyhh.rheobase(model, 20.0) == pyhh.rheobase(pyhh.HHModel.at_rest(), 20.0)


def test_analysis_warns_and_starts_at_the_unstable_equilibrium():
    message = (
        "^the model has no stable resting potential; it starts at its unstable equilibrium at V = "
        '6.887 mV with steady gates. Pass start="model" to start in the state that the model is '
        "in.$"
    )
    with pytest.warns(UserWarning, match=message) as caught:
        start = starts.start_at_rest(pyhh.HHModel(**SPONTANEOUS))
    assert caught[0].filename == __file__
    assert state_of(start) == state_of(pyhh.HHModel.at_rest(unstable="steady", **SPONTANEOUS))
    with pytest.raises(ValueError, match=r"^parameters must have an equilibrium; got none"):
        starts.start_at_rest(pyhh.HHModel(**NO_CONDUCTANCES))


ARGUMENTS = {
    ValueError: [
        (
            lambda: pyhh.HHModel.at_rest(unstable="ignore"),
            "unstable must be one of raise, steady; got 'ignore'.",
        ),
        (lambda: pyhh.HHModel.at_rest(near=np.nan), "near must be a finite number (mV); got nan."),
        (lambda: pyhh.HHModel.steady(np.inf), "V must be a finite number (mV); got inf."),
        (
            lambda: pyhh.HHModel().steady(0, Cm=-1),
            "Cm must be a positive, finite number (µF/cm²); got -1.",
        ),
        (
            lambda: pyhh.Population.at_rest(2, near=[1, 2, 3]),
            "near must be a finite number, or one for each of 2 cells (mV); got 3 values for a "
            "population of size 2.",
        ),
        (
            lambda: pyhh.Population.steady(2, [1, np.nan]),
            "V must be a finite number, or one for each of 2 cells (mV); got nan at index 1. "
            "Replace or remove it.",
        ),
    ],
    TypeError: [
        (
            lambda: pyhh.HHModel().steady("rest"),
            "V must be a finite number (mV); got 'rest' (str).",
        ),
        (
            lambda: pyhh.HHModel.steady(0, startingVoltage=3),
            "steady takes the starting voltage as V; leave startingVoltage out.",
        ),
        (
            lambda: pyhh.HHModel().at_rest(startingVoltage=3),
            "at_rest finds the starting voltage itself; leave it out.",
        ),
        (
            lambda: pyhh.Population.at_rest(2, startingVoltage=0),
            "at_rest finds the starting voltages itself; leave them out.",
        ),
        (
            lambda: pyhh.Population.at_rest(2, unstable=True),
            "unstable must be one of raise, steady; got True.",
        ),
        (
            lambda: pyhh.Population.steady(2, 0, startingVoltage=3),
            "steady takes the starting voltages as V; leave startingVoltage out.",
        ),
    ],
}


@pytest.mark.parametrize(("kind", "call", "message"), errors(ARGUMENTS), ids=range(12))
def test_wrong_arguments_are_refused(call, kind, message):
    with raises(kind, message):
        call()


def test_gate_without_steady_state_is_refused():
    class Frozen(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.h.alpha = self.h.beta = 0.0

    message = (
        "gate h must have a steady state at V = 3 mV; got alpha 0.0 and beta 0.0 (1/ms). Set "
        "rates in _UpdateGateTimeConstants whose sum is above 0."
    )
    with raises(ValueError, message):
        Frozen.steady(3)


def test_infinite_rates_without_steady_state_are_refused():
    with pytest.raises(ValueError, match=r"^gate h must have a steady state at V = -1e\+09 mV; "):
        Absolute.steady(-1e9)


def test_object_in_place_of_a_gate_is_refused():
    model = pyhh.HHModel()
    model.n = 0.3
    with raises(TypeError, "model must have gate n; got float without it. Set its state instead."):
        model.at_rest()


@pytest.mark.parametrize("V", [-1e300, -20_000])
def test_steady_where_built_in_rates_are_infinite_names_V(V):
    message = f"V must be a potential at which gate h has a steady state (mV); got {V:.6g}, "
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        pyhh.HHModel.steady(V)


class Overflowing(pyhh.HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.alpha = math.exp(-100 * Vm)


class Stepping(pyhh.HHModel):
    def iterate(self, stimulusCurrent, deltaTms):
        if self.Vm < -3:
            raise KeyError(self.Vm)
        super().iterate(stimulusCurrent, deltaTms)


RATES = "In Overflowing._UpdateGateTimeConstants, the model's own rates, at V = {} mV."
SEARCH = (
    "The rest is searched for between the model's reversal potentials and 50 mV beyond, where its "
    "code must work. HHModel.steady(V) calls it for one V alone."
)


@pytest.mark.parametrize(
    ("call", "kind", "notes"),
    [
        (Overflowing.at_rest, OverflowError, [RATES.format("-61.9877"), SEARCH]),
        (lambda: Overflowing(1.0).at_rest(), OverflowError, [RATES.format("-61.9877"), SEARCH]),
        (lambda: Overflowing.steady(-50), OverflowError, [RATES.format("-50")]),
        (lambda: Overflowing(-50.0), OverflowError, [RATES.format("-50")]),
        (
            Stepping.at_rest,
            KeyError,
            ["In a step of Stepping, its own iterate, at V = -61.9877 mV.", SEARCH],
        ),
    ],
)
def test_errors_in_code_of_the_model_have_notes_on_V(call, kind, notes):
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.__notes__ == notes


def test_model_whose_constructor_sets_no_V_starts_from_rest():
    class NoV(Absolute):
        def __init__(self):
            pass

    assert pyhh.rheobase(NoV()) == pytest.approx(pyhh.rheobase(Absolute()), rel=1e-12)
