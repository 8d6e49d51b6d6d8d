"""Stimuli whose values the user has: in an array, or by a function of time."""

from collections.abc import Callable
from typing import Any

from pyhh_fast import validation
from pyhh_fast.stimuli import arrays, kinds
from pyhh_fast.stimuli.base import Stimulus
from pyhh_fast.stimuli.functions import FromFunction


def from_array(values: Any) -> Stimulus:
    """Return a stimulus from an array, one value a step, which is read piece by piece.

    Parameters
    ----------
    values : array_like, shape (steps,), µA/cm²
        Whatever can be sliced and has a length or a shape: an array of NumPy, in memory or of a
        file (`numpy.memmap`), of Zarr, of HDF5. Ints and float32 are welcome. A list is
        converted; anything else is not copied, and must stay as it is.

    Returns
    -------
    Stimulus
        With as many `steps`. Its description lacks the values.

    Raises
    ------
    TypeError
        If it cannot be sliced, or if its elements are no real numbers.
    ValueError
        If it has other than one dimension; when it is read, if a value is not finite.

    Examples
    --------
    >>> import numpy as np
    >>> from pyhh_fast import stimuli
    >>> stimulus = stimuli.from_array(np.arange(5)) + 10
    >>> stimulus.steps
    5
    >>> stimulus.to_array(3, dt=0.01)
    array([10., 11., 12.])
    """
    return kinds.FromArray(*arrays.source("values", values))


def from_function(function: Callable[[Any], Any]) -> Stimulus:
    """Return a stimulus from a function of time, which is called while the values are needed.

    A function may be passed wherever a stimulus may: to `run`, or added to a stimulus.

    Parameters
    ----------
    function : callable
        Returns the current, µA/cm², at a time in ms: of an array of times, one value for each, or
        of a single one, which is slower; which of them it takes is found by trying, and compared.
        It is called for the middle of each step, (i + 1/2) dt, in a thread, and must always return
        the same for the same time. Its jumps lie between steps if they are at whole numbers of dt.

    Returns
    -------
    Stimulus
        Its description lacks the function. It can be pickled if pickle finds the function by its
        name, so not with a lambda.

    Raises
    ------
    TypeError
        If it cannot be called; when it is read, if the function returns anything but a number.
    ValueError
        When it is read, if the function returns a number that is not finite, or not always the
        same.
    Exception
        When it is read, whatever the function raises, with a note that says at which time.

    Examples
    --------
    >>> from pyhh_fast import stimuli
    >>> stimuli.from_function(lambda t: 10 * (t > 2)).to_array(4, dt=1)
    array([ 0.,  0., 10., 10.])
    >>> (stimuli.constant(1) + (lambda t: 2 * t)).to_array(3, dt=1)
    array([2., 4., 6.])
    """
    validation.instance("function", function, Callable, "a function of t (ms)", "")
    return FromFunction(function)
