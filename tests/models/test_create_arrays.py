"""`CreateArrays`, which pyHH's `Run` calls and users override to add arrays."""

import numpy as np

import pyhh_fast as pyhh
from pyhh_fast.variables import TRACES


class WithConductance(pyhh.Simulation):
    def CreateArrays(self, pointCount, deltaTms):
        super().CreateArrays(pointCount, deltaTms)
        self.conductance = np.zeros(pointCount)
        self.calls = [*getattr(self, "calls", []), (pointCount, deltaTms)]


def test_run_calls_overridden_create_arrays_as_pyhh_does():
    simulation = WithConductance(pyhh.HHModel())
    simulation.Run(np.zeros(3_000), 0.01)
    assert len(simulation.conductance) == 3_000
    assert simulation.calls == [(0, 0), (3_000, 0.01)]
    assert len(simulation.Vm) == len(simulation.times) == 3_000


def test_create_arrays_patched_on_instance_or_class_is_called(monkeypatch):
    simulation = pyhh.Simulation(pyhh.HHModel())
    simulation.CreateArrays = lambda pointCount, deltaTms: calls.append(pointCount)
    calls = []
    simulation.Run(np.zeros(3), 0.01)
    assert calls == [3]
    monkeypatch.setattr(
        pyhh.Simulation, "CreateArrays", lambda self, points, dt: calls.append((points, dt))
    )
    pyhh.Simulation(pyhh.HHModel()).Run(np.zeros(4), 0.01)
    assert calls == [3, (0, 0), (4, 0.01)]


def test_overridden_iterate_can_fill_arrays_of_create_arrays():
    class Measured(pyhh.HHModel):
        def iterate(self, stimulusCurrent, deltaTms):
            super().iterate(stimulusCurrent, deltaTms)
            self.simulation.conductance[self.step] = self.gNa * self.m.state**3 * self.h.state
            self.step += 1

    model = Measured()
    model.step, model.simulation = 0, WithConductance(model)
    model.simulation.Run(np.full(200, 20.0), 0.01)
    simulation = model.simulation
    expected = 120 * simulation.StateM**3 * simulation.StateH
    np.testing.assert_allclose(simulation.conductance, expected, rtol=1e-14)


def test_run_allocates_no_arrays_twice(monkeypatch):
    made = []
    monkeypatch.setattr(
        np, "full", lambda *a, full=np.full, **k: made.append(a[0]) or full(*a, **k)
    )
    simulation = pyhh.Simulation(pyhh.HHModel())
    simulation.Run(np.zeros(1_000), 0.01)
    assert 1_000 not in made


def test_create_arrays_serves_custom_loops():
    simulation = pyhh.Simulation(pyhh.HHModel())
    assert simulation.Vm.shape == simulation.times.shape == (0,)
    simulation.CreateArrays(5, 0.5)
    np.testing.assert_array_equal(simulation.times, [0, 0.5, 1, 1.5, 2])
    for name in TRACES:
        assert getattr(simulation, name).shape == (5,)
        assert np.isnan(getattr(simulation, name)).all()
    simulation.times = simulation.times + 1
    assert simulation.times[0] == 1
    simulation.Run(np.zeros(3), 0.01)
    simulation.CreateArrays(5, 0.5)
    assert simulation.recording is None
