import numpy as np
import numpy.typing as npt

from pyhh_fast.validation import FloatArray

SOURCES: str

def advance(
    cell: npt.NDArray[np.void],
    parameters: npt.NDArray[np.void],
    I: FloatArray,
    dt: float,
    stop: int,
    V: FloatArray,
    m: FloatArray,
    h: FloatArray,
    n: FloatArray,
    I_Na: FloatArray,
    I_K: FloatArray,
    I_L: FloatArray,
) -> bool: ...
