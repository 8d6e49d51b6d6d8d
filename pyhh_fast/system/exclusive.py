"""One run at a time of each model, Simulation and Population, also from within a run.

Two runs of one model would each write back a state of their own, and one of the two would be lost.
"""

import os
from _thread import get_ident  # `threading` would be one import more
from typing import Any, Self

# What is running, by its id, which is not reused while the run refers to it. Not an attribute of
# the objects, which are pickled, copied and compared. `dict.setdefault` is atomic.
_running: dict[int, "Exclusive"] = {}


class Exclusive:
    """A context in which no other run can use `owners`.

    Raise RuntimeError on entering, if one of them is running already.

    Parameters
    ----------
    what : str
        What an error calls the first of the owners.
    """

    def __init__(self, what: str, *owners: Any) -> None:
        self._what, self._owners = what, owners
        self._thread = get_ident()

    def __enter__(self) -> Self:
        try:
            for owner in self._owners:
                other = _running.setdefault(id(owner), self)
                if other is not self:
                    raise RuntimeError(self._refusal(other, owner is self._owners[0]))
        except BaseException:  # Ctrl-C as well: here, `with` would not leave
            self._release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._release()
        except KeyboardInterrupt:
            self._release()
            raise

    def _release(self) -> None:
        for owner in self._owners:
            if _running.get(id(owner)) is self:
                del _running[id(owner)]

    def _refusal(self, other: "Exclusive", first: bool) -> str:
        what = f"{'This' if first else 'The model of this'} {self._what}"
        one_each = "population" if self._what == "population" else "Simulation and a model"
        if other._thread == self._thread:
            return (
                f"{what} is running already: a hook or a callback of its run has called run again. "
                f"Make another {one_each} for a run within a run."
            )
        return f"{what} is running in another thread. Make a {one_each} for each thread."


if hasattr(os, "register_at_fork"):
    # The threads of the parent do not run in the child.
    os.register_at_fork(after_in_child=_running.clear)
