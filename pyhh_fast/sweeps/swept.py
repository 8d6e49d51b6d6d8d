"""What a sweep uses of what it runs, a model or a neuron."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyhh_fast.cells import Cells
from pyhh_fast.kinetics.protocol import Kinetics
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.sweeps.grid import Axis
from pyhh_fast.typing import FloatArray
from pyhh_fast.variables import Variable

Axes = Mapping[str, FloatArray]
"""The values along each dimension of a grid."""


class Rates(Protocol):
    """Rates as stores hold them and workers get them, as `FrozenKinetics` has them."""

    @property
    def stored(self) -> Any:
        """Their table, or None."""

    def agree_with(self, table: Any) -> bool:
        """Whether these are the rates of a table, or of None, in the store."""

    def frozen(self, table: Any = None) -> "Rates":
        """Return rates with the same bits on every machine: of `table`, or by default these."""

    def extend(self, V: float) -> bool:
        """Extend the table to cover `V` (mV); return whether that changed it."""

    def without_source(self) -> "Rates":
        """Return rates that can be pickled."""


class Points(Protocol):
    """Makes the cells at points of the grid; workers have it, so it can be pickled."""

    def cells(
        self, numbers: dict[str, FloatArray], size: int, rates: Any
    ) -> tuple[Cells, Kinetics | None]:
        """Return cells in their starting states, and their rates, as `make_run` takes them.

        Parameters
        ----------
        numbers : dict of ndarray, each of shape (size,)
            What the grid has at each point, what is the stimulus's included.
        rates : Rates
        """


class Swept(Protocol):
    """A model or a neuron.

    Attributes
    ----------
    known : dict of Axis
        What a grid may have.
    closest : callable
        Takes an unknown name and those that are known; returns a sentence that suggests one.
    variables : dict of Variable
        What can be recorded.
    tables : type
        Of the tables of rates in its stores.
    """

    known: Mapping[str, Axis]
    closest: Callable[..., str]
    variables: Mapping[str, Variable]
    tables: type[Table]

    def check(self, axes: Axes) -> None:
        """Raise where it or a number of the grid cannot be used, and warn of what is not meant."""

    def description(self, axes: Axes) -> dict[str, Any]:
        """Return what distinguishes it from others on this grid: numbers, texts and lists."""

    def points(self, description: dict[str, Any]) -> Points:
        """Return what makes its cells; those of a store start as its description says."""

    def rates(self, values: dict[str, float]) -> Rates:
        """Return its rates with these values of parameters that its class declares."""

    def suiting_step(self, axes: Axes) -> float:
        """Return the largest step (ms) that is recommended for all points."""
