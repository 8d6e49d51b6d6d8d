"""Analyses of excitability: f-I curve, threshold currents, phase plane and response, and so on."""
