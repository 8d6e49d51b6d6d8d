"""Runs of many cells: their steps, in chunks of time and by several threads."""
