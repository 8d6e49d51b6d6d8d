"""Progress bars of runs, populations and sweeps, by tqdm."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pyhh_fast import validation

if TYPE_CHECKING:
    from pyhh_fast.engine.protocols import Stepper
    from pyhh_fast.engine.read_ahead import ReadAhead


def bar_requested(progress: Any) -> bool:
    """Return whether a user requests a bar, having checked that there can be one.

    Raise TypeError if `progress` is no bool. Raise ImportError if tqdm is not installed.
    """
    requested = validation.flag("progress", progress)
    if requested:
        _tqdm()
    return requested


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "progress=True needs tqdm. Install it with: pip install 'pyhh_fast[progress]'"
        ) from None
    return tqdm


def bar_over(steps: int, requested: bool, done: int = 0) -> Any:
    """Return a context with a bar over `steps` steps, or, where it is not requested, with None.

    Raise ImportError if tqdm is not installed.
    """
    if not requested:
        return contextlib.nullcontext()
    return _tqdm()(total=steps, initial=done, unit="step", unit_scale=True, file=sys.stderr)


@contextlib.contextmanager
def bar_of_run(
    read_ahead: "ReadAhead", begin: int, requested: bool
) -> Iterator[Callable[["Stepper"], object]]:
    """Show a bar over the steps of a run; the context is what moves it to the step of a stepper.

    Beside the steps, their speed and the time left, it shows the model time, how much faster than
    real time that passes, and the number of spikes.
    """
    with bar_over(read_ahead.steps, requested, begin) as bar:
        if bar is None:
            yield lambda stepper: None
            return
        start = time.perf_counter()

        def show(stepper: "Stepper") -> None:
            seconds = time.perf_counter() - start
            times_real = (stepper.step - begin) * read_ahead.dt / 1000 / max(seconds, 1e-9)
            model_time = stepper.step * read_ahead.dt / 1000
            bar.set_postfix_str(
                f"{model_time:.4g} s of model time, {times_real:.3g} x real time, "
                f"{stepper.spikes} spikes",
                refresh=False,
            )
            bar.update(stepper.step - bar.n)

        yield show
