"""The time loops, compiled for any other CPU."""

include "loops.pxi"
