"""PopulationRecording.to_xarray: a dataset with labels and units."""

from typing import TYPE_CHECKING

import numpy as np

from pyhh_fast.system.background import main_thread_needed
from pyhh_fast.variables import PARAMETERS

if TYPE_CHECKING:
    import xarray

    from pyhh_fast.population_recording import PopulationRecording


def dataset(r: "PopulationRecording") -> "xarray.Dataset":
    """Do as :meth:`pyhh_fast.PopulationRecording.to_xarray`."""
    try:
        with main_thread_needed("to_xarray"):
            import xarray
    except ImportError:
        raise ImportError(
            "to_xarray needs xarray. Install it with: pip install 'pyhh_fast[sweep]'"
        ) from None
    all_recorded = np.array_equal(r.cells, np.arange(r.size))
    rows = "cell" if all_recorded else "recorded_cell"
    ms = {"units": "ms"}
    coordinates: dict[str, object] = {"cell": np.arange(r.size)}
    for name, values in r.parameters.items():
        coordinates[name] = ("cell", values, {"units": unit_of(name)})
    variables: dict[str, object] = {
        "spike_counts": ("cell", r.spike_counts),
        "diverged_at": ("cell", r.diverged_at, {"note": "step; -1 for none"}),
        "spike_cell": ("spike", r.spikes.cell),
        "spike_time": ("spike", r.spikes.time, ms),
    }
    final = r.final_state if isinstance(r.final_state, dict) else r.final_state._asdict()
    for name, values in final.items():
        variables[f"final_{name}"] = ("cell", values, {"units": r.settings.variables[name].unit})
    if r.recorded:
        coordinates[rows] = r.cells
    for name in r.recorded:
        variable = r.settings.variables[name]
        time, at = ("current_time", r.times - r.dt) if variable.before_step else ("time", r.times)
        coordinates[time] = (time, at, ms)
        variables[name] = ((rows, time), r[name], {"units": variable.unit})
    for name, values in r.features.items():
        if name in variables or name in coordinates:
            raise ValueError(
                f"features must have names that a Dataset has not; got {name!r}. Run with another."
            )
        variables[name] = ("cell", values, r.settings.features[name]._attributes)
    attributes = {
        "method": r.method,
        "dt": r.dt,
        "steps": r.steps,
        "every": r.every,
        "threshold": r.threshold,
    }
    return xarray.Dataset(variables, coordinates, attributes)


def unit_of(parameter: str) -> str:
    """Return the unit of a parameter of a model, or of a neuron by path."""
    if parameter in PARAMETERS:
        return PARAMETERS[parameter].unit
    return UNITS.get(parameter.rpartition(".")[2], "1")


UNITS = {
    "g": "mS/cm²",
    "E": "mV",
    "shift": "mV",
    "outside": "mM",
    "celsius": "°C",
    "rest": "mM",
    "tau": "ms",
    "gain": "mM/ms per µA/cm²",
}
"""By the last part of paths."""
