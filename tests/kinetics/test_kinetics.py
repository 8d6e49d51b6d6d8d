"""Custom kinetics that can be tabulated: accuracy, speed, and agreement with the model as it is."""

import functools
import gc
import math
import types
import weakref

import numpy as np
import pytest
from slow_runs import STIMULUS, agree, slow_run

import pyhh_fast as pyhh
from pyhh_fast.engine.fixed_stepper import FixedStepper
from pyhh_fast.kinetics import evaluated
from pyhh_fast.variables import TRACES

HHModel = pyhh.HHModel


class Warmer(HHModel):
    q10 = 3.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        phi = self.q10 ** ((16.3 - 6.3) / 10)
        for gate in (self.m, self.h, self.n):
            gate.alpha = phi * gate.alpha
            gate.beta = phi * gate.beta


class AsInPyHH(HHModel):
    """The formulas as pyHH has them: 0/0 at 10 and 25 mV, and inaccurate nearby."""

    shift = 0.0

    def _UpdateGateTimeConstants(self, Vm):
        V = Vm + self.shift
        self.n.alpha = 0.01 * (10 - V) / (np.exp((10 - V) / 10) - 1)
        self.n.beta = 0.125 * np.exp(-V / 80)
        self.m.alpha = 0.1 * (25 - V) / (np.exp((25 - V) / 10) - 1)
        self.m.beta = 4 * np.exp(-V / 18)
        self.h.alpha = 0.07 * np.exp(-V / 20)
        self.h.beta = 1 / (np.exp((30 - V) / 10) + 1)


class Scalars(HHModel):
    """Formulas that take no arrays, with a branch and `math`."""

    def _UpdateGateTimeConstants(self, Vm):
        self.n.alpha = 0.1 if Vm == 10 else 0.01 * (10 - Vm) / math.expm1((10 - Vm) / 10)
        self.n.beta = 0.125 * math.exp(-Vm / 80)
        self.m.alpha = 1.0 if Vm == 25 else 0.1 * (25 - Vm) / math.expm1((25 - Vm) / 10)
        self.m.beta = 4 * math.exp(-Vm / 18)
        self.h.alpha = 0.07 * math.exp(-Vm / 20)
        self.h.beta = 1 / (math.exp((30 - Vm) / 10) + 1)


class Steep(HHModel):
    """A gate that opens within 2 mV."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.beta = 1 / (np.exp((30 - Vm) / 0.5) + 1)


class ReadsVm(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(self.Vm + 1)


class Constant(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.alpha, self.h.beta = 0.1, 0


def shifted(self, Vm, by=2):
    HHModel._UpdateGateTimeConstants(self, Vm + by)


def on_the_instance():
    model = HHModel()
    model._UpdateGateTimeConstants = types.MethodType(shifted, model)
    return model


def partial_on_the_instance():
    model = HHModel()
    model._UpdateGateTimeConstants = functools.partial(shifted, model, by=3)
    return model


SMOOTH = [Warmer, AsInPyHH, Scalars, Steep, ReadsVm, Constant]


@pytest.mark.parametrize("make", [*SMOOTH, on_the_instance, partial_on_the_instance])
def test_smooth_kinetics_are_tabulated_and_agree_with_the_slow_twin(make, engines):
    fast = pyhh.Simulation(make())
    fast.Run(STIMULUS, 0.005)
    assert set(engines) == {"FixedStepper"}
    agree(fast, slow_run(make(), STIMULUS, 0.005))
    if make not in (AsInPyHH, Scalars):
        plain = pyhh.Simulation(HHModel())
        plain.Run(STIMULUS, 0.005)
        assert np.abs(fast.Vm - plain.Vm).max() > 1e-3, "the override made no difference"


def test_patched_class_is_tabulated(engines, monkeypatch):
    original = HHModel._UpdateGateTimeConstants
    monkeypatch.setattr(
        HHModel, "_UpdateGateTimeConstants", lambda self, Vm: original(self, Vm + 1)
    )
    fast = pyhh.Simulation(HHModel())
    fast.Run(STIMULUS, 0.01)
    assert set(engines) == {"FixedStepper"}
    agree(fast, slow_run(HHModel(), STIMULUS, 0.01))


@pytest.mark.parametrize("V", [10.0, 25.0])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.0323523, 1.2345])
def test_removable_singularities_of_custom_rates_are_repaired(V, shift, engines):
    # 0.0323523 mV puts a 0/0 within 1e-8 mV of a node.
    model = AsInPyHH()
    model.shift = shift
    model.Vm = V - shift
    simulation = pyhh.Simulation(model)
    simulation.Run(np.zeros(200), 0.01)
    assert set(engines) == {"FixedStepper"}
    assert evaluated.Evaluated(model).table(0.0).width == 0.25, "made finer instead"
    exact = HHModel()
    exact._UpdateGateTimeConstants = lambda Vm: HHModel._UpdateGateTimeConstants(exact, Vm + shift)
    exact.Vm = V - shift
    for name in "mhn":
        getattr(exact, name).state = 0.0
        getattr(exact, name).state = float(getattr(HHModel(), name).state)
    expected = slow_run(exact, np.zeros(200), 0.01)
    np.testing.assert_allclose(simulation.Vm, expected.Vm, rtol=0, atol=1e-9)


def test_steep_rates_get_finer_rows():
    assert evaluated.Evaluated(Warmer()).table(0.0).width == 0.25
    assert evaluated.Evaluated(Steep()).table(0.0).width < 0.25


@pytest.mark.parametrize("make", SMOOTH)
def test_tables_hold_1e_13_off_the_nodes(make):
    kinetics = evaluated.Evaluated(make())
    table = kinetics.table(0.0)
    V = np.random.default_rng(0).uniform(-49, 149, 3_000)
    V = V[(np.abs(V - 10) > 0.1) & (np.abs(V - 25) > 0.1)]  # where pyHH's formulas have digits
    exact, got = kinetics.rates_at(V), table(V)
    np.testing.assert_allclose(got, exact, rtol=1e-13, atol=0)


def test_rates_beyond_all_tables_are_evaluated(engines):
    fast = pyhh.Simulation(Warmer(1_200.0))
    fast.Run(np.zeros(50), 1e-3)
    agree(fast, slow_run(Warmer(1_200.0), np.zeros(50), 1e-3))


@pytest.mark.parametrize("make", [Warmer, AsInPyHH])
def test_attributes_changed_between_runs_have_an_effect(make):
    model = make()
    simulation = pyhh.Simulation(model)
    simulation.Run(STIMULUS, 0.01)
    model.q10 = 1.5
    model.shift = 3.0
    twin = make()
    twin.q10, twin.shift = 1.5, 3.0
    twin.Vm = model.Vm
    for name in "mhn":
        getattr(twin, name).state = getattr(model, name).state
    simulation.Run(STIMULUS, 0.01)
    agree(simulation, slow_run(twin, STIMULUS, 0.01))


def test_a_table_is_cached_while_it_agrees():
    table = evaluated.Evaluated(Warmer()).table(0.0)
    assert evaluated.Evaluated(Warmer()).table(0.0) is table
    other = Warmer()
    other.q10 = 2.0
    assert evaluated.Evaluated(other).table(0.0) is not table


def test_tables_do_not_keep_a_model_alive():
    model = Warmer()
    pyhh.Simulation(model).Run(STIMULUS, 0.01)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_rates_are_evaluated_on_a_copy_of_the_model():
    evaluated_on = []

    class Watches(HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            evaluated_on.append(self)
            super()._UpdateGateTimeConstants(Vm)

    model = Watches()
    evaluated_on.clear()
    pyhh.Simulation(model).Run(STIMULUS, 0.01)
    assert evaluated_on
    assert model not in evaluated_on
    assert type(model) is Watches
    assert type(model.m) is HHModel.Gate


def test_run_does_not_depend_on_tables_of_earlier_models():
    def run(q10):
        model = Warmer()
        model.q10 = q10
        simulation = pyhh.Simulation(model)
        simulation.Run(STIMULUS, 0.005)
        return simulation.Vm

    evaluated.Evaluated._tables.clear()
    alone = run(3.0 * (1 + 5e-14))
    evaluated.Evaluated._tables.clear()
    run(3.0)
    np.testing.assert_array_equal(run(3.0 * (1 + 5e-14)), alone)


def test_overflow_warnings_of_custom_rates_are_suppressed():
    # Warnings are errors in this suite; V ends where exp overflows.
    class Overflows(HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.h.alpha = 0.07 / (1 + np.exp((Vm - 20) / 0.18))

    simulation = pyhh.Simulation(Overflows())
    simulation.Run(np.full(100, 2_000.0), 0.002)
    assert simulation.Vm[-1] == simulation.model.Vm > 145


def test_results_do_not_depend_on_the_length_of_chunks(monkeypatch):
    whole = pyhh.Simulation(Warmer())
    whole.Run(STIMULUS, 0.01)
    monkeypatch.setattr(FixedStepper, "CHUNK", 13)
    pieces = pyhh.Simulation(Warmer())
    pieces.Run(STIMULUS, 0.01)
    for name in TRACES:
        np.testing.assert_array_equal(getattr(pieces, name), getattr(whole, name))


def test_a_change_of_rates_in_a_narrow_range_is_noticed():
    class Bumped(HHModel):
        bump = 0.0

        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.h.beta = self.h.beta * (1 + self.bump * np.exp(-(((Vm - 21) / 0.12) ** 2)))

    plain, bumped = evaluated.Evaluated(Bumped()).table(0.0), Bumped()
    bumped.bump = 1e-6
    V = np.array([21.0])
    assert evaluated.Evaluated(bumped).table(0.0)(V)[0, 4] == pytest.approx(
        (1 + 1e-6) * plain(V)[0, 4], rel=1e-9
    )
