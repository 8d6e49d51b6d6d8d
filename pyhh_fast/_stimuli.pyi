import numpy as np
import numpy.typing as npt

from pyhh_fast.typing import FloatArray

SOURCES: str
NEVER: int
ORNSTEIN_UHLENBECK: int
POISSON_EPSC: int
WHITE_NOISE: int

def edge(time: float, dt: float) -> tuple[int, float]: ...
def rectangle(
    values: FloatArray, first: int, amplitude: float, start: float, stop: float, dt: float
) -> None: ...
def pulses(
    values: FloatArray,
    first: int,
    amplitude: float,
    width: float,
    period: float,
    start: float,
    count: int,
    dt: float,
) -> None: ...
def ramp(
    values: FloatArray, first: int, low: float, high: float, start: float, stop: float, dt: float
) -> None: ...
def sine(
    values: FloatArray,
    first: int,
    amplitude: float,
    per_ms: float,
    phase: float,
    late: float,
    dt: float,
) -> None: ...
def chirp(
    values: FloatArray,
    first: int,
    amplitude: float,
    first_per_ms: float,
    last_per_ms: float,
    duration: float,
    late: float,
    dt: float,
) -> None: ...
def ornstein_uhlenbeck(
    values: FloatArray,
    first: int,
    deviations: FloatArray,
    mean: float,
    sd: float,
    dt_per_tau: float,
    seed: int,
    cell: int,
) -> None: ...
def white_noise(values: FloatArray, first: int, sd: float, seed: int, cell: int) -> None: ...
def poisson_epsc(
    values: FloatArray,
    first: int,
    current: float,
    next_step: int,
    lead: float,
    event: int,
    amplitude: float,
    mean_interval: float,
    dt_per_tau: float,
    seed: int,
    cell: int,
    most_events: int,
) -> tuple[int, float, int, float, int]: ...
def words(
    seed: int, stream: int, first: int, out: npt.NDArray[np.uint64], cell: int = 0
) -> None: ...
def normals(words: npt.NDArray[np.uint64], out: FloatArray) -> None: ...
def logarithms(u: FloatArray, out: FloatArray) -> None: ...
def sines(cycles: FloatArray, out: FloatArray) -> None: ...
