"""Voltage clamps of many cells."""

import time

from pyhh_fast.engine.kernels import loops
from pyhh_fast.engine.populations.stepper import PopulationStepper
from pyhh_fast.engine.read_ahead import errors_of_command
from pyhh_fast.engine.stimulus_arguments import in_range
from pyhh_fast.system.schedule import Task


class CellsClampStepper(PopulationStepper):
    """Holds V of each cell at a command, one cell after the other; see src/clamp.h.

    Their numbers, but for speeds of their own, are those of single clamps, to the bit.
    """

    def _call(self, task: Task) -> None:
        begin = time.perf_counter()
        steps, cells = task.stop - task.start, self._shares[task.share]
        with errors_of_command():
            V = self._stimulus.values(cells, task.start, task.stop)
        neuron = self._compiled.largest_V == 0
        in_range("V", V, neuron=neuron, first=task.start, cell=cells.start)
        ended = None
        while ended != loops.Ending.DONE:
            ended, missing_V = loops.clamp_cells(
                *self._cells_of(task),
                V,
                task.start,
                cells,
                self._samples,
            )
            if ended == loops.Ending.RATES_MISSING:
                self._compiled.find_rates(missing_V)
        self._seconds[task.share] = max(time.perf_counter() - begin, 1e-9) / steps
