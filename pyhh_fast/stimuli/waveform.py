"""What has the values of any steps without those before."""

import dataclasses
from typing import ClassVar

import numpy as np

from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.reader import State
from pyhh_fast.typing import FloatArray


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Waveform(Stimulus):
    """A current of which every step can be computed without those before."""

    edges_exact: ClassVar[bool] = False
    """Whether `_fill` itself lets the stimulus begin within a step."""

    def _at(self, step: int) -> State:
        return {"step": step}

    def _refined(self) -> Stimulus:
        return self

    def _read(self, state: State, values: FloatArray, dt: float, late: float = 0.0) -> State:
        """As :meth:`Stimulus._read`, where it begins `late` < 1 of a step late."""
        step, rest = state["step"], values
        after = step + values.shape[1]
        if late and step == 0 and values.size and not self.edges_exact:
            values[:, 0] = self._beginning(len(values), 0.0, 1 - late, dt)
            rest = values[:, 1:]
        if rest.size:
            self._fill(rest, after - rest.shape[1], dt, late)
        return {"step": after}

    def _beginning(self, rows: int, skip: float, covered: float, dt: float) -> FloatArray:
        """Return the values of a step of which only the last part, `covered` <= 1, has a current.

        They are those of the stimulus from `skip` ms on.
        """
        length = covered * dt
        value = np.empty((rows, 1))
        self._fill(value, 0, length, -skip / length)  # as of a step that is that long
        return covered * value[:, 0]

    def _fill(self, values: FloatArray, first: int, dt: float, late: float) -> None:
        raise NotImplementedError
