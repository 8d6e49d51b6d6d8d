"""The time loops, compiled for x86-64-v3."""

include "loops.pxi"
