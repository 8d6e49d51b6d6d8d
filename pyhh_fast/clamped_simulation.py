"""Voltage clamp of one neuron: what `Simulation` has of it."""

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from pyhh_fast import validation
from pyhh_fast.engine import run_loop
from pyhh_fast.engine.choose_stepper import check_steps, clamp_stepper
from pyhh_fast.engine.progress import bar_requested
from pyhh_fast.engine.read_ahead import Command, errors_of_command
from pyhh_fast.engine.sampling import MemorySink
from pyhh_fast.engine.stimulus_arguments import check_command, in_range, normalise_stimulus
from pyhh_fast.engine.time_steps import warn_of_fast_calcium
from pyhh_fast.recording import Recording
from pyhh_fast.settings import RunSettings
from pyhh_fast.stored_simulation import StoredSimulation
from pyhh_fast.system.exclusive import Exclusive
from pyhh_fast.variables import VARIABLES, of_clamp

EXACT = "it is a voltage clamp, which is exact for the potentials of its steps"
REPEAT = "it is a voltage clamp. Repeat it with half the step, to see how far its calcium is right"
"""Why its error is not estimated."""


class ClampedSimulation(StoredSimulation):
    """Holds the potential of what it runs."""

    def clamp(
        self,
        V: npt.ArrayLike,
        dt: float,
        *,
        duration: float | None = None,
        holding: float | None = None,
        record: Iterable[str] | None = None,
        every: int = RunSettings.every,
        progress: bool = False,
    ) -> Recording:
        """Hold the membrane potential at a command, and return gates and currents.

        It starts at the holding potential with steady gates, wherever the model is. The model ends
        at the last command, with the gates of that moment: a run continues from there.

        Parameters
        ----------
        V : float, array_like of shape (steps,), Stimulus or function of t, mV
            The command: a constant, with `duration`; one value a step; or what is sampled as the
            stimulus of :meth:`Simulation.run` is. Value i holds from i dt to (i + 1) dt.
        dt : float, ms
            Step size, of any length: within a step the command is constant.
        duration : float, ms, optional
            Time to simulate, a whole number of steps; not with an array. By default that of a
            stimulus that ends.
        holding : float, mV, default the first command
            Where it starts, with steady gates.
        record : sequence of str, default all
            Names of the traces to keep: those of :meth:`Simulation.run`, and "I_total".
        every : int, default 1
            Steps from one row of the traces to the next.
        progress : bool, default False
            Show a progress bar; needs tqdm.

        Returns
        -------
        Recording
            Also kept as `recording`. Row i of all traces is at time (i + 1) dt: of the gates, which
            were at V[i] for the step, and, other than those of a run, of the currents, which are
            those at V[i] with these gates. ``I_total`` (µA/cm², outward positive) is what the
            electrode injects: the sum of the currents and Cm (V[i] - V[i - 1]) / dt, where what was
            before V[0] is `holding`. The command is ``recording.stimulus``. There are no spikes.

        Raises
        ------
        TypeError, ValueError
            If an argument, or a number of the model, cannot be used; nothing was run.
        ValueError
            If a command, or `holding`, is beyond 300 mV, where a neuron's tables end, or, for a
            model, beyond 1000 mV.
        ValueError
            If the model makes its steps in its own way (see `HHModel`), its rates depend on more
            than V, or a gate has no steady state at `holding`.
        SimulationError
            If a gate stops being finite. The traces up to there are kept, with NaN after.
        RuntimeError
            If this simulation or its model is running already.
        MemoryError
            If the traces do not fit into the free memory; nothing was run.
        ImportError
            If `progress` is True and tqdm is not installed.

        Notes
        -----
        At a constant V a gate moves by ``x = x_inf + (x - x_inf) exp(-(alpha + beta) dt)``: this is
        computed, so the gates have no error but that of the tables of rates, about 1e-13. Pools of
        calcium, and gates that depend on them, are stepped with the mean of the inflows at both
        ends of a step: their errors fall with dt².

        A warning is given where a recorded concentration changes much within a step.

        Ctrl-C stops it within 0.1 s. The steps made so far are kept on `recording`, and the model
        is in the state of the last of them.

        Examples
        --------
        The potassium current of the squid axon at 63 mV of depolarisation, in µA/cm²:

        >>> import pyhh_fast as pyhh
        >>> simulation = pyhh.Simulation(pyhh.HHModel.at_rest())
        >>> recording = simulation.clamp(63.0, 0.01, duration=10.0, holding=0.0)
        >>> recording.IK[[0, 99, 999]].round(1)
        array([  28.7,  302.7, 1786.6])
        """
        clamped = of_clamp(self._variables.get("variables", VARIABLES))
        names = tuple(clamped) if record is None else record
        settings = RunSettings.of(
            dt=dt, method="exponential_euler", variables=clamped, record=names, every=every
        )
        progress = bar_requested(progress)
        check_command(V)
        with errors_of_command():
            wave, steps = normalise_stimulus(V, duration, settings.dt)
        neuron = self._state is not None
        check = functools.partial(_check, neuron)
        if holding is not None:
            holding = validation.real_number("holding", holding, unit="mV")
            in_range("holding", np.array(holding), neuron=neuron)
        if not neuron:
            check_steps(self.model)
        with Exclusive("simulation", self, self._subject):
            command = Command(wave, steps, settings.dt, check)
            try:
                sink = MemorySink(settings, command)
                if holding is None:
                    holding = float(command.window(0, 1)[0]) if steps else 0.0
                stepper = clamp_stepper(self._subject, settings, command, sink, holding)
                pools = self._state.neuron.pools if self._state is not None else ()
                why = REPEAT if pools else EXACT
                recording = self._make(run_loop.Run(command, stepper, sink, why), progress)
            finally:
                command.close()
        warn_of_fast_calcium(recording, pools)
        return recording


def _check(neuron: bool, values: Any, first: int) -> None:
    in_range("V", values, neuron=neuron, first=first)
