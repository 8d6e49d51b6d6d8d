"""Excitability analysis: f-I curve, rheobase, strength-duration, phase plane, error estimate."""
