"""The time loops, compiled for x86-64-v4."""

include "loops.pxi"
