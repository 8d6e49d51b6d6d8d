"""Runs that end early, by divergence, errors or Ctrl-C, keep all completed steps."""

import pickle
import signal
import threading
import time
import types
from types import SimpleNamespace

import numpy as np
import pytest
import reference
from custom_models import InPython
from model_states import full_state_of, resting_simulation

import pyhh_fast as pyhh
from pyhh_fast.engine.fixed_stepper import FixedStepper
from pyhh_fast.engine.python_stepper import PythonStepper
from pyhh_fast.variables import TRACES


@pytest.fixture(params=[pyhh.HHModel, InPython], ids=["compiled", "python"])
def kind(request):
    return request.param


def assert_ended_as_a_shorter_run(simulation, current, steps):
    """Assert that all is as a run of so many steps from rest leaves it."""
    shorter = resting_simulation(type(simulation.model))
    shorter.run(current, 0.01, duration=steps * 0.01)
    assert full_state_of(simulation.model) == full_state_of(shorter.model)
    for name in TRACES:
        np.testing.assert_array_equal(getattr(simulation, name)[:steps], getattr(shorter, name))
    np.testing.assert_array_equal(simulation.recording.spike_times, shorter.recording.spike_times)


def test_divergence_keeps_the_finite_steps(kind):
    # Below about -70 mV beta_m times 0.01 ms exceeds 2 (VALIDATION: -50 µA/cm² does it).
    simulation = resting_simulation(kind)
    with pytest.raises(pyhh.SimulationError) as caught:
        simulation.run(-50.0, 0.01, duration=20.0)
    error, recording = caught.value, simulation.recording
    assert isinstance(error, RuntimeError)
    assert len(recording) == 2_000
    for name in TRACES:
        assert np.isfinite(getattr(recording, name)[: error.step]).all()
        assert np.isnan(getattr(recording, name)[error.step :]).all()
        assert getattr(simulation, name) is getattr(recording, name)
    assert error.time == error.step * 0.01
    assert error.V == recording.Vm[error.step - 1]
    assert error.cell is None
    assert_ended_as_a_shorter_run(simulation, -50.0, error.step)


def test_divergence_names_step_time_potential_and_cause(kind):
    with pytest.raises(pyhh.SimulationError) as caught:
        resting_simulation(kind).run(-50.0, 0.01, duration=20.0)
    error = caught.value
    assert str(error).startswith(
        f"the run diverged at step {error.step} (t = {error.time:g} ms), "
        f"from V = {error.V:.6g} mV. "
        "dt times the fastest rate exceeds 2, where forward Euler is unstable: at step 229 "
        "(V = -70.4294 mV) gate m moves at 200 per ms, and dt is 0.01 ms. Use "
    )
    advice = (
        "Use method='adaptive', whose steps follow the fastest rate, or "
        "method='exponential_euler', because V is far below all reversal potentials."
    )
    if kind is InPython:
        advice = "Use a weaker stimulus."
    assert str(error).endswith(advice)


@pytest.mark.parametrize("record", [(), ("Vm",), ("StateM", "IK")])
@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_cause_of_divergence_does_not_depend_on_recorded_traces(record, method):
    messages = []
    for names in (TRACES, record):
        simulation = resting_simulation()
        simulation.run(5.0, 0.01, duration=7.0)
        stimulus = np.repeat([5.0, -50.0], [2_000, 2_000])
        with pytest.raises(pyhh.SimulationError, match="gate m moves at 2") as caught:
            simulation.run(stimulus, 0.01, method=method, record=names)
        messages.append((str(caught.value), vars(caught.value)))
    assert messages[0] == messages[1]


@pytest.mark.filterwarnings("ignore:dt is")
def test_divergence_of_the_membrane_names_V(kind):
    with pytest.raises(pyhh.SimulationError, match=r"V moves at \d+\.\d per ms, and dt is 0\.1 ms"):
        resting_simulation(kind).run(10.0, 0.1, duration=100.0)


def test_divergence_without_a_fast_rate_names_no_cause(kind):
    if kind is InPython:
        pytest.skip("one is enough")

    class Odd(pyhh.HHModel):
        def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
            super()._UpdateCellVoltage(stimulusCurrent, deltaTms)
            if stimulusCurrent > 1:
                self.Vm = float("nan")

    simulation = resting_simulation(Odd)
    with pytest.raises(pyhh.SimulationError) as caught:
        simulation.run([0.0, 0.0, 5.0, 0.0], 0.01)
    assert str(caught.value) == (
        "the run diverged at step 2 (t = 0.02 ms), from V = 0.000277566 mV. "
        "Check the stimulus, the parameters and any overridden method."
    )


def test_divergence_at_the_first_step_refers_to_the_run_before(kind):
    simulation = resting_simulation(kind)
    simulation.model.Vm = -1e300
    message = "diverged at step 0 .* The model was there before the run, as a run that diverged "
    with pytest.raises(pyhh.SimulationError, match=message) as caught:
        simulation.run(0.0, 0.01, duration=1.0)
    assert caught.value.V == -1e300 == simulation.model.Vm
    assert np.isnan(simulation.Vm).all()


def test_simulation_error_can_be_pickled():
    with pytest.raises(pyhh.SimulationError) as caught:
        resting_simulation().run(-50.0, 0.01, duration=20.0)
    error = caught.value
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is pyhh.SimulationError
    assert str(again) == str(error)
    assert vars(again) == vars(error)
    error.cell = 3
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)


def test_error_in_an_overridden_method_keeps_the_steps_before_it():
    class Failing(pyhh.HHModel):
        def _UpdateGateStates(self, deltaTms):
            if self.Vm > 5:
                raise KeyError("mine")
            super()._UpdateGateStates(deltaTms)

    simulation = resting_simulation(Failing)
    with pytest.raises(KeyError, match="mine"):
        simulation.run(20.0, 0.01, duration=10.0)
    recording = simulation.recording
    assert 10 < len(recording) < 1_000
    plain = resting_simulation(InPython).run(20.0, 0.01, duration=10.0)
    for name in TRACES:
        np.testing.assert_array_equal(
            getattr(recording, name), getattr(plain, name)[: len(recording)]
        )
    assert recording.stimulus.shape == recording.times.shape == recording.Vm.shape
    # V had changed when it failed; the model is restored to the last whole step.
    assert simulation.model.Vm == recording.Vm[-1]
    shorter = resting_simulation(InPython)
    shorter.run(20.0, 0.01, duration=len(recording) * 0.01)
    assert full_state_of(simulation.model) == full_state_of(shorter.model)


def test_failing_first_step_leaves_no_currents():
    class Failing(pyhh.HHModel):
        def _UpdateGateStates(self, deltaTms):
            raise KeyError("mine")

    simulation = pyhh.Simulation(Failing())
    with pytest.raises(KeyError, match="mine"):
        simulation.Run([0.0], 0.01)
    assert not hasattr(simulation.model, "INa")


def test_read_only_attributes_do_not_hide_the_error_of_a_step():
    class Failing(pyhh.HHModel):
        IKleak = property(lambda self: 0.3 * (self.Vm - 10.6))

        def _UpdateCellVoltage(self, stimulusCurrent, deltaTms):
            self.INa = self.IK = 0.0
            self.Vm += 1.0

        def _UpdateGateStates(self, deltaTms):
            if self.Vm > 3:
                raise KeyError("mine")

    simulation = pyhh.Simulation(Failing())
    with pytest.raises(KeyError, match="mine"):
        simulation.Run(np.zeros(9), 0.01)
    assert simulation.model.Vm == 3 == len(simulation.Vm)


@pytest.mark.parametrize("gate", ["m", "h", "n"])
@pytest.mark.filterwarnings("ignore:dt is", "ignore:.*open fraction of a gate")
def test_gate_that_is_not_finite_ends_the_run(kind, gate):
    model = kind(gNa=0, gK=0)
    model.Vm = model.EKleak
    getattr(model, gate).state = 1e70
    with pytest.raises(pyhh.SimulationError, match="diverged at step 0 "):
        pyhh.Simulation(model).run([0.0, 0.0], 1e300)
    assert getattr(model, gate).state == 1e70


@pytest.mark.filterwarnings("ignore:dt is")
def test_initial_state_may_be_the_cause_of_divergence(kind):
    model = kind(Cm=2.0)
    model.m.state, model.h.state = 1.0, 0.5
    rate = (120 * 0.5 + 36 * model.n.state**4 + 0.3) / 2
    cause = rf"at step 0 \(V = 0 mV\) V moves at {rate:.3g} per ms, and dt is 0\.1 ms"
    with pytest.raises(pyhh.SimulationError, match=cause):
        pyhh.Simulation(model).run([0.0, 1e308, 0.0, 0.0], 0.1)


def test_divergence_of_an_object_that_is_no_HHModel_names_no_cause():
    model = SimpleNamespace(Vm=0.0, INa=0.0, IK=0.0, IKleak=0.0)
    model.m = model.h = model.n = pyhh.HHModel.Gate()
    model.iterate = lambda stimulusCurrent, deltaTms: setattr(model, "Vm", np.nan)
    with pytest.raises(pyhh.SimulationError, match=r"from V = 0 mV\. Check the stimulus"):
        pyhh.Simulation(model).Run([0.0], 0.01)


@pytest.fixture
def sigint():
    """Ctrl-C as in a terminal: a shell starts background jobs with it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt_after(seconds):
    """Raise SIGINT in the main thread, as Ctrl-C does."""
    thread = threading.Timer(seconds, signal.raise_signal, [signal.SIGINT])
    thread.daemon = True
    thread.start()
    return thread


def test_ctrl_c_keeps_the_completed_steps(kind, sigint):
    simulation, steps = resting_simulation(kind), 50_000_000
    timer = interrupt_after(0.25)
    start = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        simulation.run(10.0, 0.01, duration=steps * 0.01)
    timer.join()
    assert time.perf_counter() - start < 2, "the run was not interrupted"
    recording = simulation.recording
    assert 100 < len(recording) < steps
    assert recording.stimulus.shape == recording.Vm.shape == recording.times.shape
    assert np.isfinite(recording.Vm).all()
    np.testing.assert_allclose(
        recording.spike_times, reference.spike_times(recording.Vm, 0.01, 0.0, 50.0), rtol=1e-12
    )
    assert_ended_as_a_shorter_run(simulation, 10.0, len(recording))


def test_ctrl_c_after_the_kernel_returned_neither_loses_nor_repeats_steps(monkeypatch):
    """The worst moment: the kernel has returned, but the steps are not counted yet."""
    original = FixedStepper.advance
    calls = []

    def advance(self):
        finite = original(self)
        calls.append(finite)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return finite

    monkeypatch.setattr(FixedStepper, "advance", advance)
    monkeypatch.setattr(FixedStepper, "CHUNK", 2_000)
    simulation = resting_simulation()
    with pytest.raises(KeyboardInterrupt):
        simulation.run(10.0, 0.01, duration=1_000.0)
    assert len(simulation.recording) == 6_000
    monkeypatch.undo()
    assert_ended_as_a_shorter_run(simulation, 10.0, 6_000)


def test_chunks_are_short_enough_for_ctrl_c():
    # They bound the wait after Ctrl-C: 8 ms at 30 ns a step, as without FMA.
    assert FixedStepper.CHUNK <= 300_000
    assert PythonStepper.CHUNK <= 1_000


def test_second_ctrl_c_loses_no_steps(monkeypatch):
    """The first ends the run, the second comes while its recording is kept."""
    original = pyhh.Simulation._keep
    impatient = iter([KeyboardInterrupt])

    def keep(self, recording):
        for interrupt in impatient:
            raise interrupt
        original(self, recording)

    monkeypatch.setattr(pyhh.Simulation, "_keep", keep)
    simulation = resting_simulation()
    with pytest.raises(KeyboardInterrupt):
        simulation.run(10.0, 0.01, duration=60.0)
    assert len(simulation.recording) == 6_000
    assert_ended_as_a_shorter_run(simulation, 10.0, 6_000)


def test_search_for_the_cause_does_not_change_the_model():
    def warmer(self, Vm):
        pyhh.HHModel._UpdateGateTimeConstants(self, Vm + 1)

    simulation = resting_simulation()
    model = simulation.model
    model._UpdateGateTimeConstants = types.MethodType(warmer, model)
    with pytest.raises(pyhh.SimulationError, match=r"at step 2\d\d \(V = -7\d"):
        simulation.run(-50.0, 0.01, duration=20.0)
    last = simulation.Vm[np.isfinite(simulation.Vm)][-2]
    assert model.m.beta == pytest.approx(reference.rates(last + 1).beta_m, rel=1e-9)
