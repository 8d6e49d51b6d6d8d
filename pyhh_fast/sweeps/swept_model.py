"""What a sweep uses of a model, in whose state its cells start."""

from typing import Any, NamedTuple

import numpy as np

from pyhh_fast.cells import Cells
from pyhh_fast.engine.time_steps import step_for_cells
from pyhh_fast.kinetics.protocol import FrozenKinetics, Kinetics
from pyhh_fast.models import names, plausibility
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.models.membrane import PARAMETER_STRUCT, STATE_STRUCT
from pyhh_fast.populations import Population
from pyhh_fast.rate_tables import RateTable
from pyhh_fast.sweeps.grid import OF_MODELS, Axis
from pyhh_fast.sweeps.swept import Axes, Swept
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import PARAMETERS, STATE, VARIABLES


class ModelPoints(NamedTuple):
    """Cells like a model, in its state.

    Parameters
    ----------
    parameters, start : dict of float
        Those of the model, and V (mV) and gates to start from, by pyHH's names.
    """

    parameters: dict[str, float]
    start: dict[str, float]

    def cells(
        self, numbers: dict[str, FloatArray], size: int, rates: FrozenKinetics
    ) -> tuple[Cells, Kinetics]:
        """As `Points.cells`."""
        parameters, state = np.zeros(size, PARAMETER_STRUCT), np.zeros(size, STATE_STRUCT)
        for name, parameter in PARAMETERS.items():
            parameters[parameter.symbol] = numbers.get(name, self.parameters[name])
        for name, value in self.start.items():
            state[STATE[name].symbol] = value
        return Cells(parameters, state), rates


class SweptModel(Swept):
    """A model."""

    closest = staticmethod(names.suggestion)
    variables = VARIABLES
    tables = RateTable

    def __init__(self, model: Any) -> None:
        self._model = model
        own = names.custom_parameters(model) if isinstance(model, HHModel) else {}
        declared = {name: Axis("", declared=True) for name in own if name not in OF_MODELS}
        self.known = OF_MODELS | declared
        self._made: Population | None = None

    @property
    def _cell(self) -> Population:
        # Not functools.cached_property, which would be the place that warnings show.
        if self._made is None:
            self._made = Population.from_model(self._model, 1)
        return self._made

    def check(self, axes: Axes) -> None:
        plausibility.check_grid(dict(axes), self._cell)

    def description(self, axes: Axes) -> dict[str, Any]:
        parameters = {k: value for k, value in self._parameters.items() if k not in axes}
        start = [float(getattr(self._cell, name)[0]) for name in STATE]
        return {"model": type(self._model).__qualname__, **parameters, "start": start}

    def points(self, description: dict[str, Any]) -> ModelPoints:
        return ModelPoints(self._parameters, dict(zip(STATE, description["start"], strict=True)))

    def rates(self, values: dict[str, float]) -> Any:
        cell = Population.from_model(self._model, 1, values) if values else self._cell
        return cell._kinetics()

    def suiting_step(self, axes: Axes) -> float:
        fastest = self._parameters | {
            name: float(axis.min() if name == "Cm" else axis.max())
            for name, axis in axes.items()
            if name in PARAMETERS
        }
        parameters = {name: np.array([value]) for name, value in fastest.items()}
        return step_for_cells(parameters, self._cell._kinetics())

    @property
    def _parameters(self) -> dict[str, float]:
        return {name: float(getattr(self._cell, name)[0]) for name in PARAMETERS}
