"""Features of V, of one cell, while it is computed or of a trace."""

import cython
import numpy as np

from libc.stdint cimport int64_t

from hodgkin_huxley cimport c_assert, PYHH_FAST_SOURCES
from pyhh_fast._cpu import rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")

include "trace_features.pxi"


cdef extern from "trace_features.h" nogil:
    cpdef enum Measure "feature_measure":
        begin "FEATURE_BEGIN"
        amplitude "FEATURE_AMPLITUDE"
        width "FEATURE_WIDTH"
        ahp "FEATURE_AHP"
        lowest "FEATURE_LOWEST"


cdef feature_settings _settings
cdef feature_window _window
cdef feature_span _span
cdef feature_slot _slot

FEATURE_SETTINGS = np.asarray(<feature_settings[:1]>&_settings).dtype
FEATURE_WINDOW = np.asarray(<feature_window[:1]>&_window).dtype
FEATURE_SPAN = np.asarray(<feature_span[:1]>&_span).dtype
FEATURE_SLOT = np.asarray(<feature_slot[:1]>&_slot).dtype


@rounded_to_nearest
def take(
    FeaturePlan plan not None,
    double[::1] numbers,        # INOUT  shape (plan.numbers,)
    double[::1] history,        # INOUT  shape (plan.history,): V of the rows before, NaN of none
    const double[:] V,          # IN     mV, any stride
    int64_t row,                # number of the first row of V
):
    """Take rows of V of one cell. Rows in pieces of any length give the same bits."""
    cdef int64_t kept = feature_history(&plan.plan.s), rows = V.shape[0]
    cdef int64_t n, first = 0, past
    cdef int64_t space = feature_space(&plan.plan.s), mask = space - 1
    cdef double[::1] ring = np.empty(space)
    cdef feature_rows of_cell
    c_assert(numbers.shape[0] == feature_numbers(&plan.plan) and history.shape[0] == kept)
    c_assert(row >= 0)
    if rows == 0:
        return
    of_cell.data, of_cell.mask, of_cell.stride = &ring[0], mask, 1
    with nogil:
        for n in range(kept):
            ring[(row - kept + n) & mask] = history[n]
        while first < rows:
            past = min(first + <int64_t>FEATURE_ROWS, rows)
            for n in range(first, past):
                ring[(row + n) & mask] = V[n]
            feature_take(&plan.plan, &numbers[0], &of_cell, row + first, row + past)
            first = past
        for n in range(kept):
            history[n] = ring[(row + rows - kept + n) & mask]
