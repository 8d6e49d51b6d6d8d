"""Analyses: f-I curve, rheobase, strength-duration, phase plane and response, error estimate."""
