"""What a simulation does with files: states that are saved, runs that are continued from stores."""

import os
from typing import TYPE_CHECKING, Any, Self

import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.channels.state import Declared, NeuronState
from pyhh_fast.engine import run_loop
from pyhh_fast.engine.progress import bar_requested
from pyhh_fast.errors import SimulationError
from pyhh_fast.neuron_simulation import NeuronSimulation
from pyhh_fast.recording import Recording
from pyhh_fast.system.exclusive import Exclusive

if TYPE_CHECKING:
    from pyhh_fast.stimuli import Stimulus


class StoredSimulation(NeuronSimulation):
    """Saves and loads its state, and continues runs that were written to stores."""

    def __init__(self, model: Any, Vm: float | None = None) -> None:
        raise NotImplementedError

    @classmethod
    def _of(cls, subject: Any) -> Self:
        """Return a simulation of a model, or of a neuron in this state."""
        if not isinstance(subject, NeuronState):
            return cls(subject)
        simulation = cls.__new__(cls)
        simulation._state = None  # until it has its model: to set another would change the state
        simulation.model, simulation.recording = subject.neuron, None
        simulation._state = subject
        return simulation

    def _make(self, run: run_loop.Run, progress: bool) -> Recording:
        """Make a run, and keep its recording."""
        raise NotImplementedError

    @classmethod
    def resume(
        cls,
        path: str | os.PathLike[str],
        *,
        model: Any = None,
        stimulus: "npt.ArrayLike | Stimulus | None" = None,
        duration: float | None = None,
        progress: bool = False,
    ) -> Self:
        """Continue a run that was written by ``run(..., to=path)``.

        After Ctrl-C, an error or a kill at any moment it is made to its end, and a run that is at
        its end is extended. Store and model are then bit-identical to those of an uninterrupted
        run.

        Parameters
        ----------
        path : path
            What `run` was given as `to`.
        model : HHModel or Neuron, optional
            The model that was run; it is put into the state that the run had. Only needed if it has
            custom rates and V leaves the range that the store has them for. Without it the model is
            made from what the store holds, and parameters that its class declared cannot be
            changed. A neuron is in its store, functions as tables: one that is given, with the same
            declaration and rates, only supplies the functions.
        stimulus : array_like, Stimulus or function of t, optional
            That of the run. Only needed where it was, or was made from, an array or a function,
            which are recognised by their last 64 values.
        duration : float, ms, optional
            Time to simulate, from the beginning of the run; by default what it was to be.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        Simulation
            Its model, or the state of its neuron, at the end of the run, its `recording` all of it.

        Raises
        ------
        TypeError, ValueError
            If no store is there, or a damaged one, or one that another build of this package has
            written; if `model`, `stimulus` or `duration` are not those of the run; if `model` or
            `stimulus` is needed. The store is left as it was.
        RuntimeError
            If another process is writing to it.
        SimulationError, OSError, ImportError
            As :meth:`run`.

        Examples
        --------
        >>> import tempfile
        >>> import pyhh_fast as pyhh
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     first = pyhh.Simulation(pyhh.HHModel.at_rest())
        ...     recording = first.run(10, 0.01, duration=50, to=f"{directory}/run.zarr")
        ...     longer = pyhh.Simulation.resume(f"{directory}/run.zarr", duration=100)
        >>> print(recording.spike_times.size, longer.recording.spike_times.size)
        4 7
        """
        from pyhh_fast.storage import resume

        path = validation.local_path("path", path)
        progress = bar_requested(progress)
        has_state = not (model is None or isinstance(model, Declared))
        with Exclusive("model", *[model] * has_state):
            subject, run = resume.resume_run(path, model, stimulus, duration)
            simulation = cls._of(subject)
            begun_at = run.stepper.step
            try:
                simulation._make(run, progress)
            except SimulationError as error:
                if simulation.recording is not None and error.step == begun_at:
                    raise resume.repeated_error(simulation.recording, error) from None
                raise
            return simulation

    def save_state(self, path: str | os.PathLike[str]) -> None:
        """Write the model's parameters, or the neuron's declaration, and the present state.

        Runs continue from that file, in another process or on another day, with the same bits.

        Parameters
        ----------
        path : path
            File to write, or to replace, as a whole.

        Raises
        ------
        TypeError, ValueError
            If the model makes its steps in its own way (see `HHModel`), or no table can hold its
            rates. (What its class can pickle may be pickled.)
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> import pyhh_fast as pyhh
        >>> simulation = pyhh.Simulation(pyhh.HHModel.at_rest(gNa=100))
        >>> recording = simulation.run(20, 0.01, duration=50)
        >>> with tempfile.TemporaryDirectory() as directory:
        ...     simulation.save_state(f"{directory}/state.json")
        ...     twin = pyhh.Simulation.load_state(f"{directory}/state.json")
        >>> twin.model.gNa, bool(twin.model.Vm == simulation.model.Vm)
        (100.0, True)
        """
        from pyhh_fast.storage import state_files

        state_files.save(validation.local_path("path", path), self._subject)

    @classmethod
    def load_state(cls, path: str | os.PathLike[str], *, model: Any = None) -> Self:
        """Return a simulation of what :meth:`save_state` wrote, in that state.

        Parameters
        ----------
        path : path
        model : HHModel or Neuron, optional
            For a model with custom rates: one of its class, with the same parameters, those that
            its class declares included, which is put into the state. Without it rates are known as
            far as they were tabulated, at least between -50 and 150 mV and from the lowest to the
            highest of its reversal potentials, and parameters that its class declared are as they
            were saved, and cannot be changed. A neuron needs none; see :meth:`resume`.

        Returns
        -------
        Simulation

        Raises
        ------
        TypeError, ValueError
            If the file is none that :meth:`save_state` wrote, or is damaged, or if `model` has
            other parameters or rates.
        OSError
            If the file cannot be read.
        """
        from pyhh_fast.storage import state_files

        return cls._of(state_files.load(validation.local_path("path", path), model))
