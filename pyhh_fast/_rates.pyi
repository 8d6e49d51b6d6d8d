import numpy as np
import numpy.typing as npt

from pyhh_fast.validation import FloatArray

SOURCES: str

def rates_at(V: FloatArray, rates: npt.NDArray[np.void]) -> None: ...
