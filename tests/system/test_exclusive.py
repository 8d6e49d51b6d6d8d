"""A second run of a simulation, model or population that is running is refused."""

import copy
import pickle
import threading

import numpy as np
import pytest

import pyhh_fast as pyhh
from pyhh_fast.system import exclusive

WAVE = np.full(200, 20.0)


class Pause:
    """Stops a run in an overridden method until `may_continue` is set."""

    def __init__(self):
        self.reached, self.may_continue = threading.Event(), threading.Event()

    def __call__(self):
        self.reached.set()
        assert self.may_continue.wait(60)


def stopping_model(stop, at=100):
    steps = iter(range(10_000))

    class Stopping(pyhh.HHModel):
        def iterate(self, stimulusCurrent, deltaTms):
            if next(steps) == at:
                stop()
            super().iterate(stimulusCurrent, deltaTms)

    return Stopping()


@pytest.fixture
def in_thread():
    """Run a function in a thread until it pauses, and to its end after the test."""
    threads = []

    def start(run, stop):
        thread = threading.Thread(target=run)
        threads.append((thread, stop))
        thread.start()
        assert stop.reached.wait(60)
        return thread

    yield start
    for thread, stop in threads:
        stop.may_continue.set()
        thread.join()


def expected_V():
    simulation = pyhh.Simulation(stopping_model(lambda: None))
    simulation.Run(WAVE, 0.01)
    return simulation.Vm


@pytest.mark.parametrize("enter", ["Run", "run", "to", "other simulation", "resume"])
def test_run_in_a_second_thread_is_refused(enter, in_thread, tmp_path):
    stop = Pause()
    model = stopping_model(stop)
    simulation = pyhh.Simulation(model)
    calls = {
        "Run": lambda: simulation.Run(WAVE, 0.01),
        "run": lambda: simulation.run(WAVE, 0.01),
        "to": lambda: simulation.run(WAVE, 0.01, to=tmp_path / "run.zarr"),
        "other simulation": lambda: pyhh.Simulation(model).run(WAVE, 0.01),
        "resume": lambda: pyhh.Simulation.resume(tmp_path / "run.zarr", model=model),
    }
    whose = {"other simulation": "The model of this simulation", "resume": "This model"}
    message = (
        f"{whose.get(enter, 'This simulation')} is running in another thread. "
        "Make a Simulation and a model for each thread."
    )
    thread = in_thread(lambda: simulation.Run(WAVE, 0.01), stop)
    with pytest.raises(RuntimeError) as error:
        calls[enter]()
    assert str(error.value) == message
    stop.may_continue.set()
    thread.join()
    np.testing.assert_array_equal(simulation.Vm, expected_V())
    simulation.Run(WAVE, 0.01)  # and afterwards it is free


def test_running_simulation_with_another_model_is_refused(in_thread):
    stop = Pause()
    simulation = pyhh.Simulation(stopping_model(stop))
    thread = in_thread(lambda: simulation.Run(WAVE, 0.01), stop)
    simulation.model = pyhh.HHModel()
    with pytest.raises(RuntimeError, match="This simulation is running in another thread"):
        simulation.Run(WAVE, 0.01)
    stop.may_continue.set()
    thread.join()
    np.testing.assert_array_equal(simulation.Vm, expected_V())


def test_population_in_a_second_thread_is_refused(in_thread):
    stop = Pause()
    armed = []

    class Slow(pyhh.HHModel):
        def _UpdateGateTimeConstants(self, Vm):
            if armed and not stop.reached.is_set():
                stop()
            super()._UpdateGateTimeConstants(Vm)

    population = pyhh.Population.from_model(Slow.at_rest(), 3)
    expected = (
        pyhh.Population.from_model(Slow.at_rest(), 3)
        .run(WAVE, 0.01, threshold=50, record=["Vm"])
        .Vm
    )
    armed.append(True)
    found = []
    run = population.run
    thread = in_thread(lambda: found.append(run(WAVE, 0.01, threshold=50, record=["Vm"])), stop)
    with pytest.raises(RuntimeError) as error:
        population.run(WAVE, 0.01, threshold=50)
    assert str(error.value) == (
        "This population is running in another thread. Make a population for each thread."
    )
    stop.may_continue.set()
    thread.join()
    np.testing.assert_array_equal(found[0].Vm, expected)
    population.run(WAVE, 0.01, threshold=50)


def test_run_within_its_own_run_is_refused():
    errors = []

    def again():
        try:
            simulation.run(WAVE, 0.01)
        except RuntimeError as error:
            errors.append(str(error))

    simulation = pyhh.Simulation(stopping_model(again))
    simulation.Run(WAVE, 0.01)
    assert errors == [
        "This simulation is running already: a hook or a callback of its run has called run again. "
        "Make another Simulation and a model for a run within a run."
    ]
    np.testing.assert_array_equal(simulation.Vm, expected_V())


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError])
def test_simulation_can_run_again_after_a_failure(failure):
    def fail():
        raise failure

    model = stopping_model(fail)
    simulation = pyhh.Simulation(model)
    with pytest.raises(failure):
        simulation.Run(WAVE, 0.01)
    simulation.Run(WAVE, 0.01)
    pyhh.Simulation(model).run(WAVE, 0.01)
    assert not exclusive._running


def test_ctrl_c_on_entry_or_exit_releases_the_lock(monkeypatch):
    class Interrupted(dict):
        at = ""

        def setdefault(self, key, value):
            found = super().setdefault(key, value)
            if self.at == "in":
                raise KeyboardInterrupt
            return found

        def get(self, key):
            if self.at == "out":
                self.at = ""
                raise KeyboardInterrupt
            return super().get(key)

    running = Interrupted()
    monkeypatch.setattr(exclusive, "_running", running)
    owner = object()
    for running.at in ("in", "out"):
        with pytest.raises(KeyboardInterrupt), exclusive.Exclusive("simulation", owner):
            pass
        assert not running


def test_running_simulation_can_be_pickled_and_copied():
    stop = []

    def twins():
        stop.append(pickle.loads(pickle.dumps(pyhh.Simulation(pyhh.HHModel(simulation.model.Vm)))))
        stop.append(copy.deepcopy(simulation))

    simulation = pyhh.Simulation(stopping_model(twins))
    simulation.Run(WAVE, 0.01)
    for twin in stop:
        twin.Run(WAVE, 0.01)
