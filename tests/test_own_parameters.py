"""Parameters that a subclass declares are known wherever those of HHModel are."""

import copy
import pickle

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import pyhh_fast as pyhh


class Warm(pyhh.HHModel):
    temperature = 16.3  # °C
    name = "warm"
    _private = 3.0
    quiet = False

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        phi = 3 ** ((self.temperature - 6.3) / 10)
        for gate in (self.m, self.h, self.n):
            gate.alpha, gate.beta = phi * gate.alpha, phi * gate.beta


class Shifted(Warm):
    shift: float = 1.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm - self.shift)


def spikes_of_solver(temperature, current, duration):
    """Return the times of spikes by SciPy's DOP853 over the model's own formulas."""
    model = Warm.at_rest(temperature=temperature)
    start = [model.Vm, model.m.state, model.h.state, model.n.state]

    def derivative(t, y):
        model.Vm, model.m.state, model.h.state, model.n.state = y
        model.iterate(current, 1.0)
        after = [model.Vm, model.m.state, model.h.state, model.n.state]
        return np.array(after) - y

    def crossing(t, y):
        return y[0] - 50

    crossing.direction = 1
    found = solve_ivp(
        derivative, (0, duration), start, "DOP853", rtol=1e-9, atol=1e-9, events=crossing
    )
    return found.t_events[0]


MAKERS = {
    "class": lambda **given: Warm(**given),
    "at_rest": Warm.at_rest,
    "steady": lambda **given: Warm.steady(0.0, **given),
    "at_rest of an instance": lambda **given: Warm().at_rest(**given),
    "steady of an instance": lambda **given: Warm().steady(0.0, **given),
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_a_declared_parameter_is_a_keyword(make):
    model = make(temperature=18.5, gNa=100)
    assert (model.temperature, model.gNa) == (18.5, 100.0)
    assert type(make(temperature=np.float32(18.5)).temperature) is float
    for twin in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin.temperature == 18.5
    with pytest.raises(ValueError, match=r"^temperature must be a finite number; got nan\.$"):
        make(temperature=np.nan)
    with pytest.raises(TypeError, match=r"^temperature must be a finite number; got 'hot' \(str\)"):
        make(temperature="hot")
    with pytest.raises(TypeError, match=r"got 'temprature'\. Did you mean temperature\?$"):
        make(temprature=18.5)
    for name in ("name", "_private", "quiet", "gna"):
        with pytest.raises(TypeError, match=f"^parameter must be one of .*; got '{name}'"):
            make(**{name: 1.0})


def test_a_subclass_has_the_parameters_of_its_bases():
    model = Shifted.at_rest(temperature=10, shift=-2)
    assert (model.temperature, model.shift) == (10.0, -2.0)
    with pytest.raises(TypeError, match="got 'temperature'"):
        pyhh.HHModel(temperature=10)


def test_a_number_on_an_instance_is_one_too():
    class WithInit(pyhh.HHModel):
        def __init__(self, startingVoltage=0, factor=2.0, **parameters):
            self.factor = factor
            super().__init__(startingVoltage, **parameters)

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.n.alpha, self.n.beta = self.factor * self.n.alpha, self.factor * self.n.beta

    assert WithInit.at_rest(factor=3.0).at_rest(gNa=100).factor == 3.0
    assert WithInit.at_rest().at_rest(factor=4).factor == 4.0


@pytest.mark.parametrize("temperature", [6.3, 12.0, 18.5])
def test_runs_are_those_of_another_solver(temperature):
    expected = spikes_of_solver(temperature, 20.0, 40.0)
    assert expected.size > 2
    model = Warm.at_rest(temperature=temperature)
    recording = pyhh.Simulation(model).run(20, 0.01, duration=40, method="adaptive")
    np.testing.assert_allclose(recording.spike_times, expected, atol=1e-5)


def test_a_population_takes_one_value_for_all_cells():
    expected = pyhh.Simulation(Warm.at_rest(temperature=18.5)).run(20, 0.01, duration=40)
    model = Warm.at_rest()
    for value in (18.5, [18.5, 18.5, 18.5]):
        population = pyhh.Population.from_model(model, 3, temperature=value, gNa=[100, 120, 140])
        recording = population.run(20, 0.01, duration=40, record=["Vm"])
        # Rest is found to the last bit but one.
        np.testing.assert_allclose(recording.Vm[1], expected.Vm, atol=1e-9)
    assert model.temperature == 16.3
    message = (
        r"^temperature must be one number for all cells, because rates may depend on it; got 2 "
        r"different ones\. Use sweep\(model, \{'temperature': values\}, \.\.\.\), or make a "
        r"population for each\.$"
    )
    with pytest.raises(ValueError, match=message):
        pyhh.Population.from_model(model, 3, temperature=[6.3, 18.5, 18.5])
    with pytest.raises(TypeError, match="got 'temprature'"):
        pyhh.Population.from_model(model, 3, temprature=3)


def test_curves_are_those_of_the_temperature():
    rate = pyhh.fi_curve(Warm.at_rest(temperature=18.5), 20.0, duration=200)
    late = spikes_of_solver(18.5, 20.0, 200.0)
    late = late[late >= 100]
    assert rate == pytest.approx(1000 / np.diff(late).mean(), rel=1e-3)
