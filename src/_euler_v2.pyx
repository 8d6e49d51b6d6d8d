"""Forward Euler for one cell, compiled for x86-64-v2."""

include "euler.pxi"
