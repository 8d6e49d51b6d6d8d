import enum
from typing import Self, final

import numpy as np

from pyhh_fast.typing import FloatArray, StructArray

SOURCES: str
FEATURE_SETTINGS: np.dtype[np.void]
FEATURE_WINDOW: np.dtype[np.void]
FEATURE_SPAN: np.dtype[np.void]
FEATURE_SLOT: np.dtype[np.void]

class Measure(enum.IntEnum):
    begin = ...
    amplitude = ...
    width = ...
    ahp = ...
    lowest = ...

@final
class FeaturePlan:
    def __new__(
        cls, settings: StructArray, windows: StructArray, spans: StructArray, slots: StructArray
    ) -> Self: ...
    @property
    def history(self) -> int: ...
    @property
    def numbers(self) -> int: ...
    def start(self) -> FloatArray: ...

def take(
    plan: FeaturePlan, numbers: FloatArray, history: FloatArray, V: FloatArray, row: int
) -> None: ...
