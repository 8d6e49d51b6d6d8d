import numpy as np
import numpy.typing as npt

from pyhh_fast.validation import FloatArray

SOURCES: str
POWERS: int
LANES: int
LINE: int
NODES: list[float]

def rates_at(V: FloatArray, rates: npt.NDArray[np.void]) -> None: ...
def fit(values: FloatArray, rows: FloatArray) -> None: ...
def evaluate(
    rows: FloatArray, first: int, inverse_width: float, V: FloatArray, rates: FloatArray
) -> None: ...
def relax(rates_dt: FloatArray) -> None: ...
