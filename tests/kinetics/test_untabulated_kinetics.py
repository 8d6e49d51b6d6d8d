"""Custom kinetics that cannot be tabulated: noticed, and stepped in Python."""

import logging
import random

import numpy as np
import pytest
from slow_runs import STIMULUS, agree, slow_run

import pyhh_fast as pyhh
from pyhh_fast.kinetics import evaluated
from pyhh_fast.kinetics.protocol import NotTabulable
from pyhh_fast.variables import TRACES

HHModel = pyhh.HHModel


def closure_on_the_instance():
    """A function that holds a reference to one model cannot be evaluated on a copy of it."""
    model = HHModel()
    original = model._UpdateGateTimeConstants
    model._UpdateGateTimeConstants = lambda Vm: original(Vm + 2)
    return model


class Jumps(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.beta = self.m.beta * np.where(Vm > 20.07, 1.001, 1.0)


class Kinks(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.beta = self.m.beta + 1e-3 * np.maximum(Vm - 20.1, 0)


class Noisy(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.beta = self.m.beta * (1 + 1e-6 * random.random())


class UsesGates(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.beta = self.h.beta * (1 + 0.1 * self.m.state)


class UsesCurrents(HHModel):
    INa = 0.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.h.beta = self.h.beta * (1 - 0.001 * self.INa)


class UsesGatesLate(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        if np.size(Vm) == 1 and Vm > 5 and self.n.state > 0.7:
            self.n.beta = self.n.beta * 2


class CountsLate(HHModel):
    calls = 0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.calls += 1
        if self.calls > 2_000:
            self.n.beta = self.n.beta * 2


class SetsStates(HHModel):
    """Instantaneous activation of sodium."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.setInfiniteState()


class SetsConductance(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.gK = 36 + 0.01 * Vm


def hook_of_another_model():
    """A bound method of another model sets the other's rates."""
    model, other = HHModel(), HHModel()
    model._UpdateGateTimeConstants = other._UpdateGateTimeConstants
    return model


class Remembers(HHModel):
    last = 0.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(0.5 * (Vm + self.last))
        self.last = Vm


class SetsNotAll(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        kept = self.h.alpha, self.h.beta
        super()._UpdateGateTimeConstants(Vm)
        self.h.alpha, self.h.beta = kept


class RefusesSome(HHModel):
    def _UpdateGateTimeConstants(self, Vm):
        if abs(Vm + 7.3) < 20:
            raise ArithmeticError("not there")
        super()._UpdateGateTimeConstants(Vm)


class RefusesCopies(HHModel):
    def __deepcopy__(self, memo):
        raise TypeError("one of a kind")

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm + 1)


class Forbids(HHModel):
    tabulate = False

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm + 1)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (closure_on_the_instance, "it sets not all rates"),
        (Jumps, "the rates are not smooth at V = 20"),
        (Kinks, "the rates are not smooth at V = 20"),
        (Noisy, "evaluated again, it gives other rates"),
        (UsesGates, "it reads state"),
        (UsesGatesLate, "it reads state"),
        (UsesCurrents, "it reads INa"),
        (CountsLate, "it sets calls"),
        (Remembers, "evaluated again, it gives other rates"),
        (SetsStates, "it sets state"),
        (SetsConductance, "it sets gK"),
        (hook_of_another_model, "it sets not all rates"),
        (SetsNotAll, "it sets not all rates"),
        (RefusesCopies, "the model cannot be copied: TypeError('one of a kind')"),
        (Forbids, "tabulate is False"),
    ],
)
def test_rates_that_no_table_can_hold_are_stepped_in_python(make, reason, engines, caplog):
    random.seed(0)
    fast = pyhh.Simulation(make())
    with caplog.at_level(logging.INFO, logger="pyhh_fast"):
        fast.Run(STIMULUS, 0.01)
    assert set(engines) == {"PythonStepper"}
    (message,) = caplog.messages
    hook = f"{type(fast.model).__name__}._UpdateGateTimeConstants"
    assert message.startswith(f"stepping in Python: {hook} is not tabulated: {reason}")
    random.seed(0)
    slow = slow_run(make(), STIMULUS, 0.01)
    if make is not Noisy:
        for name in TRACES:
            np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name))


def test_tabulate_that_is_neither_true_nor_false_is_refused():
    model = Forbids()
    for model.tabulate in (np.ones(2), np.array([])):
        got = f"an array of float64 with shape \\({model.tabulate.size},\\)"
        with pytest.raises(TypeError, match=rf"^tabulate must be True or False; got {got}\.$"):
            pyhh.Simulation(model).Run(STIMULUS, 0.01)
        with pytest.raises(TypeError, match=r"^tabulate must be True or False; got an array"):
            pyhh.fi_curve(model, 10.0)


def test_rates_that_jump_beyond_the_first_range_are_stepped_in_python_from_there(engines, caplog):
    class JumpsFarOut(HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            super()._UpdateGateTimeConstants(Vm)
            self.h.beta = self.h.beta * np.where(Vm > 180.1, 1.5, 1.0)

    stimulus = np.repeat([10.0, 2_000.0, 10.0], [1_000, 100, 1_000])
    fast = pyhh.Simulation(JumpsFarOut())
    with caplog.at_level(logging.INFO, logger="pyhh_fast"):
        fast.Run(stimulus, 0.005)
    assert set(engines) == {"FixedStepper", "PythonStepper"}
    assert "not smooth at V = 180" in caplog.messages[0]
    assert fast.Vm.max() > 185
    agree(fast, slow_run(JumpsFarOut(), stimulus, 0.005))


def test_error_in_custom_rates_reaches_the_user():
    with pytest.raises(ArithmeticError, match="not there"):
        pyhh.Simulation(RefusesSome(20.0)).Run(STIMULUS - 100, 0.01)


def test_a_function_that_holds_a_reference_to_the_model_does_not_change_it():
    model = closure_on_the_instance()
    before = [(gate.alpha, gate.beta, gate.state) for gate in (model.m, model.h, model.n)]
    pyhh.Simulation(model).Run([], 0.01)
    assert [(g.alpha, g.beta, g.state) for g in (model.m, model.h, model.n)] == before


def test_where_rates_were_not_smooth_is_checked_first_the_next_time():
    sizes = []

    class JumpsAtOnePlace(HHModel):
        height = 1.5

        def _UpdateGateTimeConstants(self, Vm):
            sizes.append(np.size(Vm))
            super()._UpdateGateTimeConstants(Vm)
            self.h.beta = self.h.beta * np.where(Vm > 40.07, self.height, 1.0)

    def evaluations():
        sizes.clear()
        with pytest.raises(NotTabulable, match="not smooth at V = 40"):
            evaluated.Evaluated(JumpsAtOnePlace()).table(0.0)
        return sum(sizes)

    first, again = evaluations(), evaluations()
    assert again < first / 5
    model = JumpsAtOnePlace()
    model.height = 1.0  # smooth now
    assert evaluated.Evaluated(model).table(0.0).width == 0.25
