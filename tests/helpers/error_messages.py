"""What an error must say."""

import re

import pytest


def raises(kind, message):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")
