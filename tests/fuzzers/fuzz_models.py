"""Models and odd numbers that the fuzzer of the public functions passes, by name."""

import numpy as np
from custom_models import Absolute  # noqa: F401 (passed by name)
from sweep_models import Warm  # noqa: F401

import pyhh_fast as pyhh


class Scalar(pyhh.HHModel):
    """Rates that take no arrays."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(float(Vm))


class Jumpy(pyhh.HHModel):
    """Rates that no table holds."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(np.where(Vm > 20.0123, Vm, Vm - 1)[()])


class Stepping(pyhh.HHModel):
    """A step of its own."""

    def iterate(self, stimulusCurrent, deltaTms):
        super().iterate(stimulusCurrent, deltaTms)
        self.steps = getattr(self, "steps", 0) + 1


class Leaking(pyhh.HHModel):
    """Currents of its own."""

    def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
        super()._UpdateCellVoltage(stimulusCurrent - 0.01 * self.Vm, deltaTms)


class NotANumber(pyhh.HHModel):
    """Rates that are NaN above 30 mV."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        self.m.alpha = self.m.alpha * np.where(Vm > 30, np.nan, 1.0)[()]


class Empty(pyhh.HHModel):
    """Calls no __init__ of HHModel."""

    def __init__(self):
        self.Vm = 0.0


class MyFloat(float):
    """A number."""


class MyInt(int):
    """A whole number."""


class Liar:
    """Has a length, and no items."""

    def __len__(self):
        return 3


class Endless:
    """Has items without end."""

    def __getitem__(self, index):
        return 1.0

    def __len__(self):
        return 10**5


class Unequal:
    """Compares with nothing."""

    def __eq__(self, other):
        raise TypeError("Unequal must not be compared; got a comparison.")

    __hash__ = None
