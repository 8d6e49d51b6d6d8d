from pyhh_fast.typing import FloatArray, StructArray

SOURCES: str
POWERS: int
LANES: int
LINE: int
NODES: list[float]

def rates_at(V: FloatArray, rates: StructArray) -> None: ...
def fit(values: FloatArray, rows: FloatArray) -> None: ...
def evaluate(
    rows: FloatArray, first: int, inverse_width: float, V: FloatArray, rates: FloatArray
) -> None: ...
def relax(rates_dt: FloatArray) -> None: ...
