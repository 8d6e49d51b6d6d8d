"""Recordings with labels and units, for xarray. Imported where it is asked for."""

from typing import TYPE_CHECKING

import numpy as np

from pyhh_fast.models.hh_model import PARAMETERS
from pyhh_fast.recording import CURRENTS, UNITS
from pyhh_fast.system.background import main_thread_needed

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
        coordinates[name] = ("cell", values, {"units": PARAMETERS[name]})
    variables: dict[str, object] = {
        "spike_counts": ("cell", r.spike_counts),
        "diverged_at": ("cell", r.diverged_at, {"note": "step; -1 for none"}),
        "spike_cell": ("spike", r.spikes.cell),
        "spike_time": ("spike", r.spikes.time, ms),
    }
    for name, values in r.final_state._asdict().items():
        variables[f"final_{name}"] = ("cell", values, {"units": UNITS[name]})
    if r.recorded:
        coordinates[rows] = r.cells
    for name in r.recorded:
        time, at = ("current_time", r.times - r.dt) if name in CURRENTS else ("time", r.times)
        coordinates[time] = (time, at, ms)
        variables[name] = ((rows, time), getattr(r, name), {"units": UNITS[name]})
    attributes = {
        "method": r.method,
        "dt": r.dt,
        "steps": r.steps,
        "every": r.every,
        "threshold": r.threshold,
    }
    return xarray.Dataset(variables, coordinates, attributes)
