"""Forward Euler for one cell, compiled for x86-64-v4."""

include "euler.pxi"
