"""pyHH's Hodgkin-Huxley neuron on a compiled core.

Change ``import pyhh`` to ``import pyhh_fast as pyhh``; everything else stays.

Units everywhere: mV, ms, mS/cm², µA/cm², µF/cm². Voltages are relative to rest (rest near 0 mV,
depolarisation positive), outward currents are positive.
"""

import importlib
from typing import TYPE_CHECKING, Any

from pyhh_fast._version import __version__

try:
    from pyhh_fast.engine import kernels as kernels
except ImportError as error:
    if not str(error.name).startswith("pyhh_fast"):  # NumPy, or what it needs
        raise
    raise ImportError(
        "pyhh_fast's compiled kernels are not built here. If this is a source tree, run "
        "'pip install -e .' in it, or start Python elsewhere to use the installed package."
    ) from error

from pyhh_fast import models, simulations
from pyhh_fast._cpu import round_to_nearest
from pyhh_fast.errors import SimulationError
from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.recording import Recording
from pyhh_fast.simulations import Simulation

if TYPE_CHECKING:
    from pyhh_fast import features, neurons, rate_forms, stimuli
    from pyhh_fast.analysis.firing_rates import fi_curve
    from pyhh_fast.analysis.phase_plane import phase_plane
    from pyhh_fast.analysis.phase_response import phase_response
    from pyhh_fast.analysis.pulse_thresholds import rheobase, strength_duration
    from pyhh_fast.analysis.refractory import refractory_period
    from pyhh_fast.analysis.steady_states import steady_state
    from pyhh_fast.channels.channel import Channel
    from pyhh_fast.channels.gate import Gate
    from pyhh_fast.channels.neuron import Neuron
    from pyhh_fast.channels.pool import Nernst, Pool
    from pyhh_fast.inference import simulator
    from pyhh_fast.population_recording import PopulationRecording
    from pyhh_fast.populations import Population
    from pyhh_fast.sweeps.sweep import sweep

__all__ = [
    "Channel",
    "Gate",
    "HHModel",
    "Nernst",
    "Neuron",
    "Pool",
    "Population",
    "PopulationRecording",
    "Recording",
    "Simulation",
    "SimulationError",
    "__version__",
    "features",
    "fi_curve",
    "models",
    "neurons",
    "phase_plane",
    "phase_response",
    "rate_forms",
    "refractory_period",
    "rheobase",
    "simulations",
    "simulator",
    "steady_state",
    "stimuli",
    "strength_duration",
    "sweep",
]

# Imported when they are asked for: one cell needs none of them.
_LATER = {
    "Channel": "channels.channel",
    "Gate": "channels.gate",
    "Nernst": "channels.pool",
    "Neuron": "channels.neuron",
    "Pool": "channels.pool",
    "Population": "populations",
    "PopulationRecording": "population_recording",
    "features": "features",
    "fi_curve": "analysis.firing_rates",
    "neurons": "neurons",
    "phase_plane": "analysis.phase_plane",
    "phase_response": "analysis.phase_response",
    "rate_forms": "rate_forms",
    "refractory_period": "analysis.refractory",
    "rheobase": "analysis.pulse_thresholds",
    "simulator": "inference",
    "steady_state": "analysis.steady_states",
    "stimuli": "stimuli",
    "strength_duration": "analysis.pulse_thresholds",
    "sweep": "sweeps.sweep",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with round_to_nearest():  # numbers in a module's source, too, are rounded where it is imported
        module = importlib.import_module(f"{__name__}.{_LATER[name]}")
    value = module if name == _LATER[name] else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
