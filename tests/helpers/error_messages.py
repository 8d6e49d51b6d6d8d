"""What an error must say."""

import re

import pytest


def raises(kind, message):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


def errors(cases):
    """Return the cases of a test by the kind of their error, which each begins with."""
    return [(kind, *case) for kind, some in cases.items() for case in some]
