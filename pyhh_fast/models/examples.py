"""The example of README.md, which ``pyhh-fast demo`` runs."""

import numpy as np

from pyhh_fast.models.hh_model import HHModel
from pyhh_fast.typing import FloatArray


def readme_example() -> tuple[HHModel, FloatArray]:
    """Return a model that fires by itself at first, and 200 ms of stimulus at steps of 0.01 ms."""
    model = HHModel()
    model.gNa = 100
    model.gK = 5
    model.EK = -35
    stimulus = np.zeros(20_000)
    stimulus[7_000:13_000] = 50
    return model, stimulus
