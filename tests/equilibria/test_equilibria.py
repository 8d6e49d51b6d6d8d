"""Equilibria of models: all are found, and their stability is that of the eigenvalues."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

import pyhh_fast as pyhh
from pyhh_fast.equilibria import rest_states, search
from pyhh_fast.models import hh_model

# Implausible parameters are computed as they are, with warnings that are tested elsewhere.
pytestmark = [
    pytest.mark.filterwarnings("ignore:the reversal potentials"),
    pytest.mark.filterwarnings("ignore:gK is -0.4"),
]

DOMAIN = {
    "Cm": st.floats(0.1, 10),
    "gNa": st.floats(0, 250),
    "gK": st.floats(0, 80),
    "gKleak": st.floats(0.01, 3),
    "ENa": st.floats(30, 150),
    "EK": st.floats(-80, 5),
    "EKleak": st.floats(-80, 60),
}

GRID = np.arange(-82.0, 152.0, 0.1) + 0.0171


class Shifted(pyhh.HHModel):
    """Custom rates: those of 1952, 3 mV higher."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm - 3.0)


class Scalar(pyhh.HHModel):
    """Rates that take no arrays."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(float(Vm))


class Pumped(pyhh.HHModel):
    """A custom step: a pump with an outward current of 2 µA/cm²."""

    def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
        super()._UpdateCellVoltage(stimulusCurrent - 2.0, deltaTms)


STEADY = {V: reference.steady(V) for V in GRID.tolist()}


@settings(max_examples=60)
@given(**DOMAIN)
def test_all_equilibria_are_found_with_the_stability_of_the_eigenvalues(**parameters):
    slow = reference.Parameters(**parameters)
    V, stable = rest_states.equilibria(pyhh.HHModel(**parameters))
    assert (np.diff(V) > 0).all()

    def net(v):
        return sum(reference.currents(slow, reference.steady(v)))

    signs = np.array([sum(reference.currents(slow, STEADY[v])) > 0 for v in GRID.tolist()])
    low = np.flatnonzero(signs[1:] != signs[:-1])
    roots = [brentq(net, GRID[i], GRID[i + 1], xtol=1e-14) for i in low]
    for root in roots:
        assert np.abs(V - root).min() < 1e-5
    # Further equilibria, between points of this grid, are zeros as well.
    for v, judged in zip(V, stable, strict=True):
        scale = sum(map(abs, reference.currents(slow, reference.steady(v))))
        assert abs(net(v)) <= 1e-13 * (scale + slow.gNa + slow.gK + 100 * slow.gKleak)
        largest = reference.eigenvalues(slow, v).real.max()
        if abs(largest) > 1e-5:
            assert judged == (largest < 0)


@settings(max_examples=30)
@given(st.sampled_from([Shifted, Scalar, Pumped]), st.data())
def test_equilibria_of_subclasses(kind, data):
    parameters = {name: data.draw(values, name) for name, values in DOMAIN.items()}
    shift, pump = (3.0 if kind is Shifted else 0.0), (2.0 if kind is Pumped else 0.0)
    moved = {name: parameters[name] - shift for name in ("ENa", "EK", "EKleak")}
    slow = reference.Parameters(**parameters | moved)

    def net(v):
        return sum(reference.currents(slow, reference.steady(v))) + pump

    V, _ = rest_states.equilibria(kind(**parameters))
    low, high = slow.EK - 1, slow.ENa + 1
    if net(low) < 0 < net(high) and V.size:
        root = brentq(net, low, high, xtol=1e-14)
        assert np.abs(V - shift - root).min() < 1e-5


@settings(max_examples=15)
@given(**DOMAIN)
def test_a_run_from_a_stable_rest_stays_there(**parameters):
    model = pyhh.HHModel.at_rest(unstable="steady", **parameters)
    V = model.Vm
    slow = reference.Parameters(**parameters)
    if reference.eigenvalues(slow, V).real.max() < -1e-3:
        accurate = {"method": "adaptive", "rtol": 1e-10, "atol": 1e-10}
        recording = pyhh.Simulation(model).run(0.0, 0.01, duration=200.0, **accurate)
        assert np.abs(recording.Vm - V).max() < 1e-6


@settings(max_examples=20)
@given(st.lists(st.fixed_dictionaries(DOMAIN), min_size=1, max_size=12))
def test_cells_of_a_population_rest_where_single_models_do_to_the_bit(cells):
    parameters = {name: [cell[name] for cell in cells] for name in DOMAIN}
    population = pyhh.Population.at_rest(len(cells), unstable="steady", **parameters)
    models = [pyhh.HHModel.at_rest(unstable="steady", **cell) for cell in cells]
    assert population.Vm.tolist() == [model.Vm for model in models]
    assert population.StateH.tolist() == [model.h.state for model in models]


def test_dVdt_of_the_search_equals_that_of_the_model_to_the_bit():
    parameters = {"Cm": 1.7, "gNa": 123.4, "gK": 31.3, "gKleak": 0.37, "EK": -11.9, "EKleak": 9.3}
    expected = []
    for V in GRID.tolist():
        model = pyhh.HHModel.steady(V, **parameters)
        model._UpdateCellVoltage(0.0, 0.0)
        expected.append((0.0 - model.INa - model.IK - model.IKleak) / model.Cm)
    one = rest_states._membrane(pyhh.HHModel(**parameters))
    assert one.take(np.zeros(GRID.size, np.int64)).dVdt(GRID).tolist() == expected


@settings(max_examples=40)
@given(**DOMAIN)
def test_compiled_search_equals_the_search_over_custom_rates(**parameters):
    class Same(pyhh.HHModel):
        """The built-in rates, which Python evaluates between the steps of the search."""

        def _UpdateGateTimeConstants(self, Vm):
            with_built_in = pyhh.HHModel()
            hh_model.set_rates(with_built_in, Vm)
            for name in hh_model.GATES:
                gate, rates = getattr(self, name), getattr(with_built_in, name)
                gate.alpha, gate.beta = rates.alpha, rates.beta

    expected = rest_states.equilibria(pyhh.HHModel(**parameters))
    found = rest_states.equilibria(Same(**parameters))
    assert [part.tolist() for part in found] == [part.tolist() for part in expected]


def test_rests_do_not_depend_on_the_block_size_of_the_search(monkeypatch):
    parameters = {"gK": 1.0, "gKleak": 0.1, "EKleak": np.linspace(-20, 10, 300)}
    expected = pyhh.Population.at_rest(300, **parameters).Vm.tolist()
    monkeypatch.setattr(search, "SCAN_BUFFER", 3)
    assert pyhh.Population.at_rest(300, **parameters).Vm.tolist() == expected


def test_pair_of_equilibria_near_a_fold_is_found():
    """At a fold in EKleak two equilibria separate from one V as a square root."""
    parameters = {"gK": 1.0, "gKleak": 0.1}

    def count(EKleak):
        return rest_states.equilibria(pyhh.HHModel(EKleak=EKleak, **parameters))[0].size

    low, high = -20.0, 10.0
    assert (count(low), count(high)) == (3, 1)
    for _ in range(60):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if count(middle) == 3 else (low, middle)
    V, _ = rest_states.equilibria(pyhh.HHModel(EKleak=low, **parameters))
    assert 0 < np.diff(V).min() < 1e-3
    V, stable = rest_states.equilibria(pyhh.HHModel(EKleak=low - 1e-4, **parameters))
    assert 1e-3 < np.diff(V).min() < 1.0
    assert stable.tolist() == [True, False, True]


def test_root_far_from_where_the_secants_end_is_found():
    """Of three roots in a bracket the secants may end at the middle one; above 4 units differ."""

    def line(V):
        return 3.99 - V

    class Cubic:
        """A line at the two ends and at first, so that the secants end at 3.99."""

        first = True

        def take(self, cell):
            return self

        def finish(self, search, V):
            return False

        def dVdt(self, V):
            first, self.first = self.first, False
            return line(V) if first else -(V - 3.95) * (V - 3.99) * (V - 4.5)

    low, high = np.array([3.3]), np.array([4.9])
    root = search._roots(Cubic(), low, high, line(low), line(high))
    assert abs(root[0] - 4.5) < 2e-15


def test_published_resting_potentials():
    rests = [pyhh.HHModel.at_rest(EKleak=E).Vm for E in (10.6, 10.613, 10.7)]
    assert [round(V, 6) for V in rests] == [0.000278, 0.003621, 0.025948]
    # The equations' own arithmetic gives these bits on every CPU.
    assert rests[0].hex() == "0x1.230ca0851c000p-12"


def test_steep_rates_are_searched_finely():
    class Steep(pyhh.HHModel):
        """Sodium that opens within 0.05 mV: three equilibria within 1 mV."""

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            opening = 0.5 * (1 + np.tanh((Vm - 4.4) / 0.05))
            self.m.alpha, self.m.beta = opening + 1e-9, 1 - opening
            self.h.alpha, self.h.beta = 0.02 + 0 * Vm, 0.98 + 0 * Vm

    model = Steep(gNa=0.12, gK=0, gKleak=0.3, EKleak=4.0)
    V, stable = rest_states.equilibria(model)
    assert V.size == 3
    assert V[2] - V[0] < 1.0
    assert stable.tolist() == [True, False, True]


def test_equilibria_of_a_negative_conductance_beyond_all_reversal_potentials():
    # 0.3 (V - 10.6) = 0.4 n∞⁴ (V + 12)
    slow = reference.Parameters(gNa=0, gK=-0.4)

    def net(V):
        return sum(reference.currents(slow, reference.steady(V)))

    V, stable = rest_states.equilibria(pyhh.HHModel(gNa=0, gK=-0.4))
    assert V.tolist() == pytest.approx([brentq(net, 11, 20), brentq(net, 30, 50)], abs=1e-10)
    assert stable.tolist() == [True, False]
