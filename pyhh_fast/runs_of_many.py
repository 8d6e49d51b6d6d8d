"""Runs of many cells: what populations of models and of neurons have in common."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.cells import Cells, cell_numbers, per_cell
from pyhh_fast.engine.choose_stepper import check_steady
from pyhh_fast.engine.populations.run import make_run, thread_count, warn_of_divergence
from pyhh_fast.engine.read_ahead import CellStimulus, errors_of_command
from pyhh_fast.engine.stimulus_arguments import check_command, in_range, stimulus_of_cells
from pyhh_fast.engine.time_steps import warn_of_fast_calcium
from pyhh_fast.equilibria.spike_threshold import threshold_for
from pyhh_fast.errors import warn_user
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.methods import DEFAULT, warn_of_large_step
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.settings import RunSettings
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.typing import FloatArray, IntArray, Method, StructArray
from pyhh_fast.variables import VARIABLES, Variable, of_clamp

if TYPE_CHECKING:
    from pyhh_fast.features import Feature


class RunsOfMany(Cells):
    """Cells that are run at once."""

    recording: PopulationRecording | None = None

    _origin: Any = None
    """The model with custom rates, or the neuron, that the cells were made from."""

    @property
    def _variables(self) -> Mapping[str, Variable]:
        return VARIABLES

    def _check_cells(self) -> None:
        """See that what was set in place can be used."""

    def _kinetics(self) -> Kinetics | None:
        """Return the rates of models."""
        raise NotImplementedError

    def _steady_gates(self, V: FloatArray) -> dict[str, FloatArray]:
        """Return the steady states of the gates at V (mV) of each cell, by their fields."""
        raise NotImplementedError

    def _suiting_step(self, cells: IntArray) -> float:
        """Return the largest step (ms) that is recommended for cells of these numbers."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.size} cell{'s' * (self.size != 1)})"

    def run(
        self,
        stimulus: npt.ArrayLike,
        dt: float,
        *,
        duration: float | None = None,
        method: Method = DEFAULT,
        rtol: float = RunSettings.rtol,
        atol: float = RunSettings.atol,
        record: Iterable[str] = (),
        cells: npt.ArrayLike | None = None,
        every: int = RunSettings.every,
        threshold: float | None = None,
        features: "Mapping[str, Feature] | Sequence[Feature] | None" = None,
        threads: int | None = None,
        progress: bool = False,
    ) -> PopulationRecording:
        """Run all cells through a stimulus and return what happened.

        The cells continue from their present state and end in that of the last step.

        Parameters
        ----------
        stimulus : float, array_like, Stimulus or function of t, µA/cm²
            Injected current, depolarising where positive. With `duration`: a constant for all
            cells, or an array of shape (size,), a constant for each. Without: an array of shape
            (steps,), a value a step for all cells, or (size, steps). A float64 array of two
            dimensions is not copied. What :mod:`pyhh_fast.stimuli` makes, and functions, are as
            for :meth:`pyhh_fast.Simulation.run`, and the same for all cells, but for parameters
            that are arrays of shape (size,), as in ``stimuli.step(amplitudes, 50, 100)``, and for
            noise, of which each cell has a stream of its own. Cell c has
            ``stimulus.of_cell(c)``, whatever the others are.
        dt : float, ms
            Step size. Steps above 0.05 ms are inaccurate, and a warning says so.
        duration : float, ms, optional
            Time to simulate, a whole number of steps; not with an array of a value a step. By
            default that of a stimulus that ends.
        method : {"euler", "exponential_euler", "rk4", "adaptive"}, default "euler"
            As for :meth:`pyhh_fast.Simulation.run`. "adaptive" solves each cell by itself, with the
            steps that it needs; `dt` is then the distance of the samples.
        rtol, atol : float, default 1e-6
            Tolerances of the adaptive method, `atol` in mV and in fractions of the gates.
        record : sequence of str, default none
            Names of the traces to keep, of Vm, INa, IK, IKleak, StateN, StateM, StateH, or of a
            neuron's `variables`, as "Na.m" and "Na"; spikes come in any case.
        cells : sequence of int, default all
            Numbers of the cells whose traces are kept; only with `record`.
        every : int, default 1
            Keep the traces of every so many steps, those of the first included.
        threshold : float, mV, optional
            Upward crossings of it are the spikes. By default 50, or what
            :meth:`pyhh_fast.Simulation.run` takes for the model or the neuron that the cells were
            made from: one for all cells. Of a neuron that declares none it is 50 above the rest of
            the neuron, not of each cell.
        features : dict of str to Feature, or sequence of Feature, default none
            What is computed of V of each cell at each step, of :mod:`pyhh_fast.features`;
            ``recording.features`` has an array of shape (size,) for each, by the same names.
        threads : int, default one for each CPU there is for this process
            How many threads share the work. The numbers do not depend on it.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        PopulationRecording
            Also kept as `recording`.

        Raises
        ------
        TypeError, ValueError
            If an argument, or a number of a cell, cannot be used; nothing was run.
        SimulationError
            If custom rates turn out, during the run, to be what no table can hold.
        RuntimeError
            If this population is running already, in another thread or because a hook has called
            this.
        ImportError
            If `progress` is True and tqdm is not installed.

        Warns
        -----
        UserWarning
            If an array of a value a step has as many values as there are cells, and so may be meant
            for one of a constant for each, which lacks its `duration`.
            If cells diverge. `recording.diverged_at` says which and when; their traces and states
            are NaN from there on, and the others continue. With custom rates a cell diverges when
            it leaves ±1000 mV, a neuron's when it leaves its tables, ±300 mV; by the adaptive
            method where no step meets the tolerances.

        Notes
        -----
        Ctrl-C stops a run within 0.1 s, that of a million cells within a few. As after any error
        during a run, the steps that all cells have made are kept on `recording`, and the cells are
        in the state of the last of them: of the adaptive method a multiple of 100 ms.

        Under strong currents V may keep swinging without crossing the threshold, and counts no
        spikes, as from 89.9 µA/cm² on at the default parameters (90.6 by "euler" at 0.01 ms).

        A cell's numbers do not depend on how many others there are, on its place among them, or on
        the number of threads. With built-in rates they differ from those of a
        :class:`pyhh_fast.Simulation` by rounding, 1e-9 mV in 100 ms; with custom rates, and of a
        neuron whose speeds are those of all cells, they have its bits; by the adaptive method
        always.

        Examples
        --------
        >>> import numpy as np
        >>> import pyhh_fast as pyhh
        >>> population = pyhh.Population.at_rest(100)
        >>> currents = np.linspace(0, 20, 100)
        >>> recording = population.run(currents, 0.01, duration=200.0, record=["Vm"], every=10)
        >>> recording.Vm.shape
        (100, 2000)
        >>> recording.spike_times(99).round(2)[:3]
        array([ 1.23, 13.26, 24.86])
        """
        settings = RunSettings.of(
            many_cells=True,
            dt=dt,
            method=method,
            rtol=rtol,
            atol=atol,
            record=record,
            every=every,
            threshold=threshold_for(self._origin, threshold),
            features=features,
            variables=self._variables,
        )
        seen = bool(settings.features)
        warn_of_large_step("dt", settings.dt, settings.method, features=seen)
        rows = self._recorded(cells, settings)
        threads = thread_count(threads)
        progress = validation.flag("progress", progress)
        wave = stimulus_of_cells(stimulus, self.size, duration, settings.dt)
        if duration is None:
            _warn_of_a_value_a_step("stimulus", stimulus, self.size)
        settings.check_windows(wave.shape[1])
        with Exclusive("population", self):
            self._check_cells()
            recording = make_run(
                self, wave, settings, self._kinetics(), threads, recorded=rows, progress=progress
            )
        warn_of_divergence(recording, self._suiting_step)
        return recording

    def clamp(
        self,
        V: npt.ArrayLike,
        dt: float,
        *,
        duration: float | None = None,
        holding: npt.ArrayLike | None = None,
        record: Iterable[str] = (),
        cells: npt.ArrayLike | None = None,
        every: int = RunSettings.every,
        threads: int | None = None,
        progress: bool = False,
    ) -> PopulationRecording:
        """Hold the membrane potential of each cell at a command, and return gates and currents.

        As :meth:`pyhh_fast.Simulation.clamp`, of many cells: a family of commands, or of neurons.
        All start at the holding potential with steady gates, and end at the last command.

        Parameters
        ----------
        V : float, array_like, Stimulus or function of t, mV
            The command. With `duration`: a constant for all cells, or an array of shape (size,), a
            constant for each. Without: an array of shape (steps,), a value a step for all cells, or
            (size, steps). Stimuli and functions are as for :meth:`run`.
        dt : float, ms
            Step size, of any length: within a step the command is constant.
        duration : float, ms, optional
            Time to simulate, a whole number of steps; not with an array of a value a step.
        holding : float or array_like of shape (size,), mV, default the first command of each cell
            Where they start, with steady gates.
        record : sequence of str, default none
            Names of the traces to keep: those of :meth:`run`, and "I_total".
        cells : sequence of int, default all
            Numbers of the cells whose traces are kept.
        every : int, default 1
            Keep the traces of every so many steps, those of the first included.
        threads : int, default one for each CPU there is for this process
            How many threads share the work. The numbers do not depend on it.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        PopulationRecording
            Also kept as `recording`. All traces, those of the currents too, are at time (i + 1) dt;
            each cell has the bits of its :meth:`pyhh_fast.Simulation.clamp`, but where speeds are
            each cell's own. There are no spikes.

        Raises
        ------
        TypeError, ValueError, SimulationError, RuntimeError, ImportError
            As :meth:`run` and :meth:`pyhh_fast.Simulation.clamp`. A command that is computed while
            it is needed is checked then.

        Examples
        --------
        The largest potassium current of the squid axon at four depolarisations, in µA/cm²:

        >>> import pyhh_fast as pyhh
        >>> axons = pyhh.Population(4)
        >>> commands = [26, 63, 88, 109]  # mV
        >>> family = axons.clamp(commands, 0.01, duration=12, holding=0, record=["IK"])
        >>> family.IK.max(axis=1).round(1)
        array([ 289.2, 1795.5, 2924.1, 3835.5])
        """
        clamped = of_clamp(self._variables)
        settings = RunSettings.of(
            dt=dt, method="exponential_euler", variables=clamped, record=record, every=every
        )
        neuron = self._kinetics() is None
        rows = self._recorded(cells, settings)
        threads = thread_count(threads)
        progress = validation.flag("progress", progress)
        check_command(V)
        with errors_of_command():
            command = stimulus_of_cells(V, self.size, duration, settings.dt)
        if duration is None:
            _warn_of_a_value_a_step("V", V, self.size)
        if type(command) is CellStimulus:
            in_range("V", command.values(range(self.size), 0, command.shape[1]), neuron=neuron)
        if holding is not None:
            holding = per_cell("holding", holding, self.size, unit="mV")
            in_range("holding", holding, neuron=neuron)
        with Exclusive("population", self):
            self._check_cells()
            start = self._state
            if command.shape[1]:
                if holding is None:
                    with errors_of_command():
                        holding = command.first_values()
                    in_range("V", holding, neuron=neuron)
                start = self._held_at(np.broadcast_to(holding, (self.size,)))
            recording = make_run(
                *(self, command, settings, self._kinetics(), threads),
                recorded=rows,
                clamped_from=start,
                progress=progress,
            )
        if neuron:
            warn_of_fast_calcium(recording, self._origin.pools)
        return recording

    def _recorded(self, cells: Any, settings: RunSettings) -> IntArray:
        """Return the numbers of the cells whose traces are kept."""
        rows = cell_numbers("cells", cells, self.size)
        if cells is not None and not settings.record:
            rule = "left out where record names no traces"
            advice = "Pass record=['Vm'], or so, to keep traces of these cells."
            raise ValueError(validation.message("cells", rule, validation.shown(cells), advice))
        return rows

    def _held_at(self, V: FloatArray) -> StructArray:
        """Return the state of the cells at V (mV) of each, with steady gates."""
        state = np.zeros(self.size, self._state.dtype)
        first, *_ = state.dtype.names or ()
        state[first] = V
        for name, x in self._steady_gates(state[first]).items():
            state[name] = x
            good = np.isfinite(x)
            if not good.all():
                check_steady(float(V[np.argmin(good)]), x)
        return state


def _warn_of_a_value_a_step(name: str, stimulus: Any, size: int) -> None:
    """Warn if an array that is taken for a value a step may have one for each cell."""
    if size > 1 and np.shape(stimulus) == (size,):
        warn_user(
            f"{name} is a value a step, the same for all cells, and has {size} values, as many "
            "as there are cells. For a constant for each cell pass duration=..., or, if a value a "
            f"step is meant, stimuli.from_array({name})."
        )
    elif size > 1 and getattr(stimulus, "conducts", False) and stimulus.steps == size:
        warn_user(
            f"{name} has a conductance of a value a step, the same for all cells, and {size} "
            "steps, as many as there are cells. For a constant for each cell pass "
            "stimuli.conductance(stimuli.constant(g), reversal), or, if a value a step is meant, "
            "duration=... as well."
        )
