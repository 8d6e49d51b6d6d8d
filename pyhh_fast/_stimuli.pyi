import numpy as np
import numpy.typing as npt

from pyhh_fast.typing import FloatArray, IntArray

SOURCES: str
NEVER: int
ORNSTEIN_UHLENBECK: int
POISSON_EPSC: int
WHITE_NOISE: int
LEVELS: int

def edge(time: float, dt: float) -> tuple[int, float]: ...
def rectangle(
    values: FloatArray,
    first: int,
    dt: float,
    amplitude: FloatArray,
    start: FloatArray,
    stop: FloatArray,
) -> None: ...
def pulses(
    values: FloatArray,
    first: int,
    dt: float,
    amplitude: FloatArray,
    width: FloatArray,
    period: FloatArray,
    start: FloatArray,
    count: IntArray,
) -> None: ...
def ramp(
    values: FloatArray,
    first: int,
    dt: float,
    low: FloatArray,
    high: FloatArray,
    start: FloatArray,
    stop: FloatArray,
) -> None: ...
def sine(
    values: FloatArray,
    first: int,
    dt: float,
    late: float,
    amplitude: FloatArray,
    per_ms: FloatArray,
    phase: FloatArray,
) -> None: ...
def chirp(
    values: FloatArray,
    first: int,
    dt: float,
    late: float,
    amplitude: FloatArray,
    first_per_ms: FloatArray,
    last_per_ms: FloatArray,
    duration: FloatArray,
) -> None: ...
def ornstein_uhlenbeck(
    values: FloatArray,
    first: int,
    deviations: FloatArray,
    seed: int,
    cell: npt.NDArray[np.uint64],
    mean: FloatArray,
    sd: FloatArray,
    dt_per_tau: FloatArray,
) -> None: ...
def white_noise(
    values: FloatArray,
    first: int,
    seed: int,
    cell: npt.NDArray[np.uint64],
    sd: FloatArray,
) -> None: ...
def poisson_epsc(
    values: FloatArray,
    done: IntArray,
    first: int,
    current: FloatArray,
    rising: FloatArray,
    next_step: IntArray,
    lead: FloatArray,
    event: IntArray,
    seed: int,
    cell: npt.NDArray[np.uint64],
    most_events: int,
    amplitude: FloatArray,
    mean_interval: FloatArray,
    dt_per_tau: FloatArray,
    dt_per_rise: FloatArray,
    rise_per_tau: FloatArray,
) -> None: ...
def words(
    seed: int, stream: int, first: int, out: npt.NDArray[np.uint64], cell: int = 0
) -> None: ...
def normals(words: npt.NDArray[np.uint64], out: FloatArray, level: int = ...) -> None: ...
def logarithms(u: FloatArray, out: FloatArray) -> None: ...
def sines(cycles: FloatArray, out: FloatArray) -> None: ...
