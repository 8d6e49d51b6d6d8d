"""HHModel itself: what it accepts, and where it rests."""

import copy
import pickle

import numpy as np
import pytest
import reference

import pyhh_fast as pyhh
from pyhh_fast.equilibria import membranes, rest_states


class Slow(pyhh.HHModel):
    """A model that is asked by its own iterate."""

    def iterate(self, stimulusCurrent, deltaTms):
        super().iterate(stimulusCurrent, deltaTms)


def test_models_pickle_and_copy():
    model = pyhh.HHModel(3.0, gNa=100)
    model.iterate(10.0, 0.01)
    twins = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    model.iterate(10.0, 0.01)
    for twin in twins:
        assert twin.gNa == 100
        assert twin.m is not model.m
        twin.iterate(10.0, 0.01)
        assert (twin.Vm, twin.m.state, twin.IK) == (model.Vm, model.m.state, model.IK)


def test_starting_voltage_is_a_float_whatever_it_came_as():
    # A float32 would make every later number of a plain Python loop a float32.
    assert type(pyhh.HHModel(np.float32(1.5)).Vm) is float
    assert pyhh.HHModel(np.int8(3)).Vm == 3.0
    assert pyhh.HHModel(True).Vm == 1.0
    assert type(pyhh.HHModel(gNa=np.float32(100)).gNa) is float


def test_at_rest_is_an_equilibrium_with_all_gates_steady():
    model = pyhh.HHModel.at_rest()
    expected = reference.equilibrium(reference.Parameters())
    got = [model.Vm, model.m.state, model.h.state, model.n.state]
    np.testing.assert_allclose(got, expected, atol=1e-12)
    recording = pyhh.Simulation(model).run(0.0, 0.01, duration=100.0)
    assert np.abs(recording.Vm - expected.V).max() < 1e-10


def test_at_rest_takes_parameters_and_keeps_the_class():
    class Mine(pyhh.HHModel):
        gKleak = 0.5

    model = Mine.at_rest(EKleak=5.0)
    assert type(model) is Mine
    assert (model.gKleak, model.EKleak) == (0.5, 5.0)
    expected = reference.equilibrium(reference.Parameters(gKleak=0.5, EKleak=5.0))
    assert model.Vm == pytest.approx(expected.V, abs=1e-12)


def test_at_rest_asks_an_overridden_hook():
    class Pumped(pyhh.HHModel):
        def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
            super()._UpdateCellVoltage(stimulusCurrent - 2.0, deltaTms)

    expected = reference.equilibrium(reference.Parameters(), current=-2.0)
    assert Pumped.at_rest().Vm == pytest.approx(expected.V, abs=1e-10)


def test_at_rest_takes_kinetics_that_know_no_arrays():
    class Scalar(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(float(Vm))

    assert Scalar.at_rest().Vm == pytest.approx(pyhh.HHModel.at_rest().Vm, abs=1e-12)


def test_at_rest_asks_a_copy():
    class Counting(pyhh.HHModel):
        calls = 0

        def iterate(self, stimulusCurrent, deltaTms):
            self.calls += 1
            super().iterate(stimulusCurrent, deltaTms)

    assert Counting.at_rest().calls == 0


def test_of_several_equilibria_the_lowest_stable_one_is_taken():
    # With little potassium the cell can also rest where sodium stays open; between the two lies
    # an unstable equilibrium.
    parameters = {"gK": 1.0, "gKleak": 0.1, "EKleak": -10.0}
    model = pyhh.HHModel(**parameters)
    places, stable = rest_states.equilibria(model)
    stable = places[stable].tolist()
    np.testing.assert_allclose(places, [-9.46, -0.50, 49.75], atol=0.01)
    assert stable == [places[0], places[2]]
    assert pyhh.HHModel.at_rest(**parameters).Vm == stable[0]
    assert pyhh.HHModel.at_rest(near=0.0, **parameters).Vm == stable[0]
    assert pyhh.HHModel.at_rest(near=30.0, **parameters).Vm == stable[1]
    # Each is one, and stable ones attract.
    for V in places:
        model = pyhh.HHModel(V + 1e-3, **parameters)
        for gate in (model.m, model.h, model.n):
            gate.setInfiniteState()
        recording = pyhh.Simulation(model).run(0.0, 0.01, duration=300.0)
        assert (abs(recording.Vm[-1] - V) < 1e-3) == (V in stable)


@pytest.mark.parametrize(
    ("parameters", "V"),
    [
        ({"gNa": 0, "gK": 0}, 10.6),
        ({"gNa": 0, "gKleak": 0}, -12.0),
        ({"gNa": 0, "gK": 0, "EKleak": -300.0}, -300.0),
        ({"gNa": 0, "gK": 0, "EKleak": 0.0, "Cm": 50.0}, 0.0),
    ],
)
def test_a_single_conductance_rests_at_its_reversal_potential(parameters, V):
    assert pyhh.HHModel.at_rest(**parameters).Vm == pytest.approx(V, abs=1e-9)


@pytest.mark.parametrize(
    ("parameters", "got"),
    [
        ({"EKleak": 60.0}, r"got unstable ones at V = \d+\.\d+ mV\."),
        # Rates overflow there.
        ({"gNa": 0, "gK": 0, "EKleak": -13_000.0}, r"got unstable ones at V = -1\.3e\+04 mV\."),
    ],
)
def test_no_resting_potential_is_an_error(parameters, got):
    with pytest.raises(ValueError, match="parameters must have a stable resting potential; " + got):
        pyhh.HHModel.at_rest(**parameters)


@pytest.mark.parametrize(
    ("parameters", "V"),
    [
        # The upper of two is nearer 0, the lower is rest.
        ({"gK": 1.0, "gKleak": 0.1, "EK": -60.0, "EKleak": -60.0}, -60.0),
        # An unstable one lies 0.5 mV beside it.
        ({"gK": 1.0, "gKleak": 0.1, "EKleak": -7.274}, -4.38),
        # A slip of units is searched in as many points as anything else.
        ({"gNa": 0, "gK": 0, "ENa": 1e9}, 10.6),
    ],
)
def test_no_equilibrium_is_missed(parameters, V):
    assert pyhh.HHModel.at_rest(**parameters).Vm == pytest.approx(V, abs=0.01)


def test_an_equilibrium_on_a_point_of_the_search_is_found_once(monkeypatch):
    for V in (12.25, 10.3):
        grid = np.sort([V, *np.linspace(0, 20, 21)])
        monkeypatch.setattr(membranes, "_grid", lambda *_, grid=grid: grid)
        for model in (pyhh.HHModel, Slow):
            places, stable = rest_states.equilibria(model(gNa=0, gK=0, EKleak=V))
            # iterate adds to V, and what is below the last bit of V is lost.
            expected = V if model is pyhh.HHModel else pytest.approx(V, rel=1e-15)
            assert (places.tolist(), stable.tolist()) == ([expected], [True])


def test_at_rest_does_not_trust_kinetics_that_misread_arrays():
    class Branching(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            if np.any(Vm > 50):
                self.n.alpha = 0 * self.n.alpha

    assert Branching.at_rest().Vm == pytest.approx(pyhh.HHModel.at_rest().Vm, abs=1e-10)
