"""Whether a model steps as the compiled kernels do: the choice of a stepper depends on it.

pyHH's users change behaviour by overriding: hooks, gates, properties, on a subclass, an instance
or the class itself. A kernel knows none of that, so it is used only where nothing is overridden.
"""

from typing import Any

from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.variables import CURRENTS, GATES, PARAMETERS

_HOOKS = ("iterate", "_UpdateCellVoltage", "_UpdateGateStates")
_Gate = HHModel.Gate

# As they were at import: a class that is patched later differs from these.
_MODEL_METHODS = {name: vars(HHModel)[name] for name in _HOOKS}
_GATE_METHODS = {"update": vars(_Gate)["update"]}

_MODEL_VALUES = (*PARAMETERS, *GATES, "Vm", *CURRENTS)
_GATE_VALUES = ("alpha", "beta", "state")


def custom_behaviour(model: object) -> str | None:
    """Return what `model` overrides, or None where a kernel can make its steps.

    Custom kinetics do not count: a table can hold most.
    """
    if not isinstance(model, HHModel):
        return f"the model is a {type(model).__name__}"
    if found := _override(model, _MODEL_METHODS, _MODEL_VALUES):
        return found
    gates = [getattr(model, name) for name in GATES]
    plain: set[type] = set()  # classes of gates that were checked
    for name, gate in zip(GATES, gates, strict=True):
        if type(gate) in plain and not _GATE_METHODS.keys() & vars(gate).keys():
            continue
        if not isinstance(gate, _Gate):
            return f"gate {name} is a {type(gate).__name__}"
        if found := _override(gate, _GATE_METHODS, _GATE_VALUES):
            return f"gate {name}: {found}"
        plain.add(type(gate))
    if len({id(gate) for gate in gates}) < len(gates):
        return "two gates are one object"
    return None


def is_overridden(model: object, name: str) -> bool:
    """Whether method `name` of `model` is another than that of HHModel."""
    return name in getattr(model, "__dict__", {}) or (
        _on_class(type(model), name) is not _MODEL_METHODS[name]
    )


def _override(instance: object, methods: dict[str, Any], values: tuple[str, ...]) -> str | None:
    cls = type(instance)
    for name in ("__getattribute__", "__setattr__"):
        if getattr(cls, name) is not getattr(object, name):
            return f"{cls.__name__}.{name} is overridden"
    for name, original in methods.items():
        if name in vars(instance) or _on_class(cls, name) is not original:
            return f"{cls.__name__}.{name} is overridden"
    for name in values:
        if hasattr(type(_on_class(cls, name)), "__get__"):
            return f"{cls.__name__}.{name} is computed"
    return None


def _on_class(cls: type, name: str) -> Any:
    """Return what a class has under `name`, as it is: a property is not evaluated."""
    for base in cls.__mro__:
        if name in base.__dict__:
            return base.__dict__[name]
    return None
