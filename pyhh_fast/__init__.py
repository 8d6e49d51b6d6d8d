"""pyHH's Hodgkin-Huxley neuron on a compiled core.

Change ``import pyhh`` to ``import pyhh_fast as pyhh``; everything else stays.

Units everywhere: mV, ms, mS/cm², µA/cm², µF/cm². Voltages are relative to rest (rest near 0 mV,
depolarisation positive), outward currents are positive.
"""

from pyhh_fast._version import __version__

try:
    from pyhh_fast import kernels as kernels
except ImportError as error:
    raise ImportError(
        "pyhh_fast's compiled kernels are not built here. If this is a source tree, run "
        "'pip install -e .' in it, or start Python elsewhere to use the installed package."
    ) from error

from pyhh_fast import models, simulations
from pyhh_fast.errors import SimulationError
from pyhh_fast.models import HHModel
from pyhh_fast.population_recording import PopulationRecording
from pyhh_fast.populations import Population
from pyhh_fast.recording import Recording
from pyhh_fast.simulations import Simulation

__all__ = [
    "HHModel",
    "Population",
    "PopulationRecording",
    "Recording",
    "Simulation",
    "SimulationError",
    "__version__",
    "models",
    "simulations",
]
