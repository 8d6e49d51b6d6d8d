"""The time loops, compiled for any CPU that is not x86-64."""

include "loops.pxi"
