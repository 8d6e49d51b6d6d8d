from pyhh_fast.typing import FloatArray, IntArray, StructArray

SOURCES: str
SEARCH: int

def slopes(parameters: StructArray, V: FloatArray, rates: FloatArray, dVdt: FloatArray) -> None: ...
def parts_over(V: FloatArray, gates: FloatArray, parts: FloatArray) -> None: ...
def scan(
    weights: FloatArray,
    parts: FloatArray,
    first: int,
    dVdt: FloatArray,
    places: IntArray,
    ends: FloatArray,
) -> tuple[int, int]: ...
def begin(
    search: FloatArray,
    low: FloatArray,
    high: FloatArray,
    at_low: FloatArray,
    at_high: FloatArray,
    V: FloatArray,
) -> None: ...
def proceed(search: FloatArray, left: IntArray, dVdt: FloatArray, V: FloatArray) -> int: ...
def finish_built_in(search: FloatArray, parameters: StructArray, V: FloatArray) -> None: ...
def characteristic(
    parameters: StructArray,
    V: FloatArray,
    width: float,
    rates: FloatArray,
    higher: FloatArray,
    lower: FloatArray,
    coefficients: FloatArray,
) -> None: ...
