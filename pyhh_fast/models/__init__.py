"""pyHH's module `models`: the Hodgkin-Huxley neuron and what helps it."""

from pyhh_fast.models.hh_model import HHModel

__all__ = ["HHModel"]
