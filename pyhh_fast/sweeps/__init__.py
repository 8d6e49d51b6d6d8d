"""A model at every point of a grid of parameters, in processes or on a cluster."""
