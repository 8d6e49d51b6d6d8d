"""Forward Euler for one cell, compiled for x86-64-v3."""

include "euler.pxi"
