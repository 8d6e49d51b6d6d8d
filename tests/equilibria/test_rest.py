"""The resting potential of models: which equilibrium it is, and that none is missed."""

import numpy as np
import pytest
import reference
from custom_models import InPython
from model_states import state_of

import pyhh_fast as pyhh
from pyhh_fast.equilibria import membranes, rest_states


def test_at_rest_is_an_equilibrium_with_all_gates_steady():
    model = pyhh.HHModel.at_rest()
    expected = reference.equilibrium(reference.Parameters())
    np.testing.assert_allclose(state_of(model), expected, atol=1e-12)
    recording = pyhh.Simulation(model).run(0.0, 0.01, duration=100.0)
    assert np.abs(recording.Vm - expected.V).max() < 1e-10


def test_at_rest_evaluates_a_copy():
    class Counting(pyhh.HHModel):
        calls = 0

        def iterate(self, stimulusCurrent, deltaTms):
            self.calls += 1
            super().iterate(stimulusCurrent, deltaTms)

    assert Counting.at_rest().calls == 0


def test_lowest_stable_equilibrium_is_chosen():
    # With little potassium the cell can also rest where sodium stays open; between the two lies
    # an unstable equilibrium.
    parameters = {"gK": 1.0, "gKleak": 0.1, "EKleak": -10.0}
    model = pyhh.HHModel(**parameters)
    potentials, stable = rest_states.equilibria(model)
    stable = potentials[stable].tolist()
    np.testing.assert_allclose(potentials, [-9.46, -0.50, 49.75], atol=0.01)
    assert stable == [potentials[0], potentials[2]]
    assert pyhh.HHModel.at_rest(**parameters).Vm == stable[0]
    assert pyhh.HHModel.at_rest(near=0.0, **parameters).Vm == stable[0]
    assert pyhh.HHModel.at_rest(near=30.0, **parameters).Vm == stable[1]
    # Each is an equilibrium, and stable ones attract.
    for V in potentials:
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
def test_single_conductance_rests_at_its_reversal_potential(parameters, V):
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
        # An unstable one is 0.5 mV away.
        ({"gK": 1.0, "gKleak": 0.1, "EKleak": -7.274}, -4.38),
        # A value in wrong units takes no more points of the search.
        ({"gNa": 0, "gK": 0, "ENa": 1e9}, 10.6),
    ],
)
def test_at_rest_misses_no_equilibrium(parameters, V):
    assert pyhh.HHModel.at_rest(**parameters).Vm == pytest.approx(V, abs=0.01)


def test_equilibrium_on_a_grid_point_is_found_once(monkeypatch):
    for V in (12.25, 10.3):
        grid = np.sort([V, *np.linspace(0, 20, 21)])
        monkeypatch.setattr(membranes, "grid", lambda *_, grid=grid: grid)
        for model in (pyhh.HHModel, InPython):
            potentials, stable = rest_states.equilibria(model(gNa=0, gK=0, EKleak=V))
            # iterate adds to V, and a change below the last bit of V is lost.
            expected = V if model is pyhh.HHModel else pytest.approx(V, rel=1e-15)
            assert (potentials.tolist(), stable.tolist()) == ([expected], [True])


def test_at_rest_is_right_for_kinetics_that_misread_arrays():
    class Branching(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            if np.any(Vm > 50):
                self.n.alpha = 0 * self.n.alpha

    assert Branching.at_rest().Vm == pytest.approx(pyhh.HHModel.at_rest().Vm, abs=1e-10)
