"""Neurons and stimuli of NeuroML 2 and LEMS.

They are read by :meth:`pyhh_fast.Neuron.from_neuroml` and :func:`pyhh_fast.stimuli.from_neuroml`,
and written by :meth:`pyhh_fast.Neuron.to_neuroml`.
"""

from pyhh_fast.neuroml.expressions import expression

__all__ = ["expression"]
