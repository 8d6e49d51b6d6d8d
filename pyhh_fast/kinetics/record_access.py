"""Which attributes a user's method reads and sets: rates that use more than V need no table."""

from typing import Any

import numpy as np


def record_access(obj: Any, reads: set[str], ignored_writes: set[str], log: set[str]) -> None:
    """Record in `log` how attributes of an object are used, by a dynamic subclass.

    Parameters
    ----------
    reads : set of str
        Attributes of which each read is recorded.
    ignored_writes : set of str
        Attributes that may be set. Of all others it is recorded if they get another value.
    log : set of str
        Gets "reads ..." and "sets ...".
    """
    cls: Any = type(obj)

    def recorded(name: str) -> property:
        def read(self: Any) -> Any:
            log.add(f"reads {name}")
            if name in vars(self):
                return vars(self)[name]
            return getattr(super(subclass, self), name)

        def write(self: Any, value: Any) -> None:
            vars(self)[name] = value

        return property(read, write)

    def set_attribute(self: Any, name: str, value: Any) -> None:
        if name not in ignored_writes and not np.array_equal(vars(self).get(name), value):
            log.add(f"sets {name}")
        cls.__setattr__(self, name, value)

    names = {name: recorded(name) for name in reads}
    subclass = type(cls.__name__, (cls,), {**names, "__setattr__": set_attribute})
    obj.__class__ = subclass
