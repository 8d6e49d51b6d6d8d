"""Types of arrays, for annotations."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

NumberArray = npt.NDArray[np.float64 | np.int64]
"""An array of numbers, or of counts."""

StructArray = npt.NDArray[np.void]
"""An array of structs of C, with named fields."""
