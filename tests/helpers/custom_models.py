"""Models that differ from HHModel: in steps, rates, gates or their zero of V."""

from sweep_models import Warm

import pyhh_fast as pyhh


class InPython(pyhh.HHModel):
    """HHModel, but stepped in Python."""

    def iterate(self, stimulusCurrent, deltaTms):
        super().iterate(stimulusCurrent, deltaTms)


class FrozenGates(pyhh.HHModel):
    """Only n is stepped: it makes its steps in Python."""

    def _UpdateGateStates(self, deltaTms):
        self.n.update(deltaTms)


class Fast(Warm):
    """Twelve times the rates of Hodgkin and Huxley, and a tenth of the capacitance."""

    factor, Cm = 12, 0.1


class NineTimes(Warm):
    """Nine times the rates of Hodgkin and Huxley, and a fifth of the capacitance."""

    factor, Cm = 9, 0.2


SHIFT = -65.0


class Absolute(pyhh.HHModel):
    """Hodgkin and Huxley's neuron in absolute mV: rest at -65."""

    ENa, EK, EKleak = 115 + SHIFT, -12 + SHIFT, 10.6 + SHIFT

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm - SHIFT)


class WithTemperature(pyhh.HHModel):
    """Rates that triple every 10 °C."""

    temperature = 6.3

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        phi = 3 ** ((self.temperature - 6.3) / 10)
        for gate in (self.m, self.h, self.n):
            gate.alpha, gate.beta = phi * gate.alpha, phi * gate.beta


class OtherGate:
    """A gate that is no subclass of pyHH's."""

    __slots__ = ("alpha", "beta", "state")

    def __init__(self):
        self.alpha = self.beta = 0.0
        self.state = 0.1

    def update(self, deltaTms):
        self.state += 0.5 * deltaTms * (self.alpha * (1 - self.state) - self.beta * self.state)

    def setInfiniteState(self):
        pass
