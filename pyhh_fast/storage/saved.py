"""What runs, as stores and state files hold it: a model, or a neuron in a state.

Each kind is in a file of its own. Nothing is pickled: what cannot be written as numbers is refused.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pyhh_fast.channels.state import NeuronState
from pyhh_fast.engine.compiled_model import Compiled
from pyhh_fast.engine.kernels import RecordFields
from pyhh_fast.settings import RunSettings
from pyhh_fast.storage.stored_tables import Table
from pyhh_fast.variables import Variable


class Savable(Protocol):
    """What runs, with what is needed to write it as numbers."""

    @property
    def key(self) -> str:
        """The name of its description among the attributes of a store, and in a state file."""

    @property
    def subject(self) -> Any:
        """The model, or the state of the neuron."""

    def description(self) -> dict[str, Any]:
        """Return all of it but tables, in its present state, as JSON holds it."""

    def table(self) -> Table | None:
        """Return the table of its rates that a state file needs."""

    def compiled(
        self, settings: RunSettings, save: Callable[[Table], object], state: dict[str, Any] | None
    ) -> Compiled:
        """Return it as a stepper takes it; `save` gets each table before its first use.

        `state` is that of a run that is continued.
        """


class Saved(Protocol):
    """What was written, read again and checked."""

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What its runs can record, by name."""

    @property
    def fields(self) -> RecordFields:
        """What its store holds between two steps."""

    def restored(self, given: Any) -> Savable:
        """Return it in the state that was saved.

        Raise TypeError or ValueError where it is not what the user has given, if that is not None.
        """


def savable(subject: Any, advice: str) -> Savable:
    """Return what runs, if it can be saved; an error ends with the advice."""
    if isinstance(subject, NeuronState):
        from pyhh_fast.storage.saved_neurons import SavableNeuron  # models do not need it

        return SavableNeuron(subject)
    from pyhh_fast.storage.saved_models import SavableModel

    return SavableModel.of(subject, advice)


def read(content: Mapping[str, Any], table: Table | None) -> Saved:
    """Return what the attributes of a store, or a state file, describe.

    Raise AttributeError, LookupError, TypeError or ValueError if that is not what was written.
    """
    if "neuron" in content:
        from pyhh_fast.storage.saved_neurons import SavedNeuron

        return SavedNeuron(content["neuron"], table)
    from pyhh_fast.storage.saved_models import SavedModel

    return SavedModel(content["model"], table)
