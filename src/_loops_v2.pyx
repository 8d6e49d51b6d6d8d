"""The time loops, compiled for x86-64-v2."""

include "loops.pxi"
