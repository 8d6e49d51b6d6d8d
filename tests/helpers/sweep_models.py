"""What workers of a sweep find by name: models, and functions for `reduce`."""

import os
import signal
import time
from pathlib import Path

import numpy as np

import pyhh_fast as pyhh


class Warm(pyhh.HHModel):
    """Custom kinetics: all rates times `factor`."""

    factor = 2.0

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(Vm)
        for gate in (self.m, self.h, self.n):
            gate.alpha, gate.beta = self.factor * gate.alpha, self.factor * gate.beta


def warm_rates():
    """Rates of it, as NumPy gives them here."""
    model = Warm()
    model._UpdateGateTimeConstants(np.linspace(-50, 150, 999))
    return np.array([[gate.alpha, gate.beta] for gate in (model.m, model.h, model.n)])


def neuron_of_functions(factor=1.0):
    """A neuron with functions that pickle does not find by name."""
    neuron = pyhh.neurons.wang_buzsaki()
    n = pyhh.Gate(
        alpha=neuron.gates["K.n"].alpha,
        beta=lambda V: factor * 0.125 * np.exp(-(V + 44) / 80),
        power=4,
        speed=5,
    )
    return neuron.without("K").with_channels(K=pyhh.Channel(9, E=-90, n=n))


def counts_and_gate(recording):
    return np.column_stack([recording.spike_counts, recording["Vm"].max(axis=1)])


class Kinked(Warm):
    """Kinetics that no table holds below -120 mV."""

    def _UpdateGateTimeConstants(self, Vm):
        super()._UpdateGateTimeConstants(np.maximum(Vm, -120.0))


def first_spike(recording):
    times = [recording.spike_times(cell) for cell in range(recording.size)]
    return [t[0] if t.size else np.nan for t in times]


def peaks(recording):
    return np.column_stack([recording.Vm.min(axis=1), recording.Vm.max(axis=1)])


def slowly(recording):
    time.sleep(0.02)
    return recording.final_state.Vm


def failing(calls, recording):
    """Note the chunk, and fail."""
    with open(calls, "a") as file:
        file.write(f"{recording.parameters['gNa'][0]}_{recording.size} ")
    raise ZeroDivisionError("mine")


def deadly(flag, recording):
    """Kill the process the first time that a cell of gNa = 100 comes by."""
    if 100.0 in recording.parameters["gNa"]:
        try:
            Path(flag).touch(exist_ok=False)  # of one process alone
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return recording.final_state.Vm
