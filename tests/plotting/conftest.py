"""Figures are drawn without a display, and none is left open."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _without_display():
    mpl.use("agg")
    plt.close("all")
    yield
    plt.close("all")
