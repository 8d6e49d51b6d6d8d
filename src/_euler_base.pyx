"""Forward Euler for one cell, compiled for any CPU that is not x86-64."""

include "euler.pxi"
