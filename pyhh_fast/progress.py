"""The progress bar of a run."""

import contextlib
import sys
from typing import Any


def bar_over(steps: int, wanted: bool) -> Any:
    """Return a context with a bar over `steps` steps, or, where it is not wanted, with None.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """
    if not wanted:
        return contextlib.nullcontext()
    try:
        from tqdm.auto import tqdm
    except ImportError:
        raise ImportError(
            "progress=True needs tqdm. Install it with: pip install 'pyhh_fast[progress]'"
        ) from None
    return tqdm(total=steps, unit="step", unit_scale=True, file=sys.stderr)
