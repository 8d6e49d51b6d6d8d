"""Functions that round to nearest, whatever rounding mode their caller's process is in.

Compiled functions do so by themselves. What NumPy computes beside them, such as the rows of a
table, must as well, or results would not keep their bits.
"""

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from pyhh_fast._cpu import round_to_nearest as round_to_nearest

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def rounds_to_nearest(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Decorate a function that computes, and so do those that it calls, in round-to-nearest.

    The caller's mode is put back when it returns or raises. A warning within it that is to name
    the caller's line must count one frame more.
    """

    @functools.wraps(function)
    def rounded(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with round_to_nearest():
            return function(*arguments, **options)

    return rounded
