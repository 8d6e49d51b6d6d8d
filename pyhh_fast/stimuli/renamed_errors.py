"""Errors of stimuli whose values are no currents, but potentials or conductances."""

import contextlib
import re
from collections.abc import Iterator


@contextlib.contextmanager
def errors_named(name: str, unit: str) -> Iterator[None]:
    """Have errors of a stimulus speak of an argument in another unit than µA/cm²."""
    try:
        yield
    except (TypeError, ValueError) as error:
        text = NAMED.sub(name, str(error)).replace("µA/cm²", unit)
        if text == str(error):
            raise
        raise type(error)(text).with_traceback(error.__traceback__) from error.__cause__


NAMED = re.compile(
    "^(stimulus|values)(?= must )|(?<=where )stimulus(?= )|(?<=a constant )stimulus(?= )"
)
"""Where messages name a stimulus."""
