"""Types for annotations: of arrays, and of arguments that name one of a few things."""

from typing import Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NumberArray = npt.NDArray[np.float64 | np.int64]
"""An array of numbers, or of counts."""

StructArray = npt.NDArray[np.void]
"""An array of structs of C, with named fields."""

Method = Literal["euler", "exponential_euler", "rk4", "adaptive"]
"""How a cell is computed."""

Start = Literal["rest", "model"]
"""Where analysis starts its runs: from the rest of the model, or in the state that it is in."""

Unstable = Literal["raise", "steady"]
"""What to do where no equilibrium is stable."""
