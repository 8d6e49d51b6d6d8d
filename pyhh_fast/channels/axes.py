"""What functions of a gate depend on: V, or a concentration; and how tables divide it into rows.

Rows of V are of one width, in mV. Rows of a concentration are as many in each octave, so that the
row of a number is in its bits, and no logarithm is needed; their width is 1 over that number.
Widths are powers of two.
"""

from typing import Any

import numpy as np

from pyhh_fast.typing import FloatArray, IntArray


class Axis:
    """V or a concentration, as tables have it.

    Attributes
    ----------
    name, each, unit, ends : str
        What messages call it, and from where to where tables reach.
    widest, finest : float
        Widths that rows can have.
    located : float
        How closely a kink or a jump is located: in mV, or as part of the concentration.
    probes : ndarray, shape (8,)
        Where functions are tried first, one number at a time and all together.
    """

    name: str
    each: str
    unit: str
    ends: str
    widest: float
    finest: float
    probes: FloatArray

    def at(self, x: float) -> str:
        """Return how messages name a place."""
        raise NotImplementedError

    def first(self, width: float) -> int:
        """Return the number of the first row."""
        raise NotImplementedError

    def rows(self, width: float) -> IntArray:
        """Return the numbers of all rows."""
        raise NotImplementedError

    def sampled(self, width: float) -> IntArray:
        """Return the numbers of rows at which a first look is taken at which width will do."""
        raise NotImplementedError

    def points(self, numbers: IntArray, at: Any, width: float) -> FloatArray:
        """Return the places in rows that are `at` widths from their middles."""
        raise NotImplementedError

    def within(self, numbers: IntArray, width: float, finer: float) -> IntArray:
        """Return the rows of a smaller width that cover these, shape (n, k)."""
        raise NotImplementedError

    def length(self, number: Any, width: float) -> Any:
        """Return how long rows are, in the axis's unit."""
        raise NotImplementedError

    def rounding(self, x: FloatArray) -> FloatArray:
        """Return how far apart numbers are at least, for formulas to give others."""
        raise NotImplementedError

    def located_within(self, x: float) -> float:
        """Return how closely a kink or a jump is located."""
        raise NotImplementedError

    def find(self, x: FloatArray, width: float) -> tuple[IntArray, FloatArray]:
        """Return the rows of numbers, and r, measured from their middles in widths.

        Numbers a little beyond an end have the row there.
        """
        raise NotImplementedError

    def covers(self, x: FloatArray) -> Any:
        """Whether tables hold these numbers."""
        raise NotImplementedError


class _Voltage(Axis):
    name, each, unit, ends = "V", "each V", "mV", "from -400 to 400 mV"
    reach = 400.0
    widest, finest = 0.5, 1 / 64
    probes = np.array([-380.3, -120.9, -85.1, -60.2, -41.3, -20.6, 10.4, 290.3])

    def at(self, x: float) -> str:
        return f"V = {x:.6g} mV"

    def first(self, width: float) -> int:
        return -round(self.reach / width)

    def rows(self, width: float) -> IntArray:
        first = self.first(width)
        return np.arange(first, -first + 1)

    def sampled(self, width: float) -> IntArray:
        return np.arange(-384, 385, 16) * round(1 / width)

    def points(self, numbers: IntArray, at: Any, width: float) -> FloatArray:
        places: FloatArray = (numbers + at) * width
        return places

    def within(self, numbers: IntArray, width: float, finer: float) -> IntArray:
        half, last = round(width / finer) // 2, -self.first(finer)
        rows: IntArray = 2 * half * numbers[:, np.newaxis] + np.arange(-half, half + 1)
        return np.clip(rows, -last, last)

    def length(self, number: Any, width: float) -> Any:
        return width

    def rounding(self, x: FloatArray) -> FloatArray:
        # 1e-14 mV, or as near as numbers can be.
        return np.asarray(np.spacing(np.maximum(np.abs(x), 64.0)))

    def located_within(self, x: float) -> float:
        return 1e-6

    def find(self, x: FloatArray, width: float) -> tuple[IntArray, FloatArray]:
        place, first = x * (1 / width), self.first(width)
        number = np.clip(np.rint(place), first, -first)
        return number.astype(np.int64), place - number

    def covers(self, x: FloatArray) -> Any:
        return np.abs(x) <= self.reach + self.widest / 2


class _Concentration(Axis):
    name, each, unit = "the concentration", "each concentration", "mM"
    ends = "from 7.5e-9 to 256 mM"
    low, high = 2.0**-27, 2.0**8
    widest, finest = 2.0**-6, 2.0**-11
    probes = np.array([1.3e-8, 7.1e-7, 2.3e-5, 2.4e-4, 1.1e-3, 0.013, 0.27, 130.3])

    def at(self, x: float) -> str:
        return f"a concentration of {x:.6g} mM"

    def first(self, width: float) -> int:
        return (1023 - 27) * round(1 / width)

    def rows(self, width: float) -> IntArray:
        return np.arange(self.first(width), (1023 + 8) * round(1 / width))

    def sampled(self, width: float) -> IntArray:
        return self.rows(width)[:: max(1, round(1 / width) // 4)]

    def points(self, numbers: IntArray, at: Any, width: float) -> FloatArray:
        octave, place = np.divmod(numbers, round(1 / width))
        points: FloatArray = np.ldexp(1 + (place + at + 0.5) * width, octave - 1023)
        return points

    def within(self, numbers: IntArray, width: float, finer: float) -> IntArray:
        parts = round(width / finer)
        return parts * numbers[:, np.newaxis] + np.arange(parts)

    def length(self, number: Any, width: float) -> Any:
        return np.ldexp(width, number // round(1 / width) - 1023)

    def rounding(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.spacing(x))

    def located_within(self, x: float) -> float:
        return 1e-8 * x

    def find(self, x: FloatArray, width: float) -> tuple[IntArray, FloatArray]:
        within = np.clip(x, self.low, np.nextafter(self.high, 0))
        bits = np.ascontiguousarray(within).view(np.int64)
        row = 2**52 // round(1 / width)  # in units of the last bit
        number, place = np.divmod(bits, row)
        return number, place / row - 0.5

    def covers(self, x: FloatArray) -> Any:
        return (x >= self.low) & (x < self.high)


VOLTAGE = _Voltage()
CONCENTRATION = _Concentration()
