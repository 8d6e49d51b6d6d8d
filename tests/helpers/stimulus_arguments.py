"""Stimuli that tests change an argument of, and the errors they expect."""

from pyhh_fast import stimuli

SEED = "seed must be a whole number from 0 to 18446744073709551615"


NOISE = stimuli.ornstein_uhlenbeck(10, 2, 5, 1)


SYNAPSES = stimuli.poisson_epsc(1_000, 1, 5, 1)
