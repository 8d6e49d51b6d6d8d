# The time loops, compiled once for each instruction set by the modules that include this file.
#
# Design
# ------
# One step of each method is in C, and so are the equations, in membrane.h. The loops over the steps
# are in fixed_step.pxi and adaptive.pxi, for one neuron, in population.pxi, for many cells, and in
# clamp.pxi, for both: over typed memoryviews. Nothing in a loop allocates, takes the GIL or touches
# a Python object, and there is no static state: calls with different outputs may run in different
# threads.
#
# A call takes some milliseconds, so that Python can answer Ctrl-C in between. All that a run
# carries from one call to the next is in structs, written once when a loop ends, and so is never
# torn. Where the table has no rates at some V, or there is no space for a spike, a loop stops
# before that step, and the caller calls again with more. Each function returns how the loop ended
# and the V at which rates are missing. Loops round to nearest, whatever the process does.

import cython
import numpy as np

from libc.stdint cimport int32_t, int64_t, uint64_t, uintptr_t
from libc.string cimport memset

from hodgkin_huxley cimport (
    c_assert, hh_parameters, pool_table, PYHH_FAST_SOURCES, rate_source, RATE_SOURCE_LINE,
    RATE_TABLE_LANES, RATE_TABLE_POWERS,
)
from time_loops cimport *
from pyhh_fast._cpu import rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
BLOCK = HH_BLOCK
cdef enum:
    CACHE_LINE = 64
MAX_STEPS_PER_MS = ADAPTIVE_MAX_ATTEMPTS_PER_MS
SMALLEST_STEP = ADAPTIVE_SMALLEST_STEP


cdef extern from *:
    """
    /* The loops that are called with a constant method and shape must be compiled for each; builds
       that check, which need not be fast, are compiled in a third of the time without that. */
    #ifdef NDEBUG
    #undef CYTHON_INLINE
    #if defined(_MSC_VER) && !defined(__clang__)
    #define CYTHON_INLINE __forceinline
    #else
    #define CYTHON_INLINE inline __attribute__((always_inline))
    #endif
    #endif
    """


cdef extern from "fixed_step.h" nogil:
    cpdef enum Method "fixed_method":
        euler "METHOD_EULER"
        exponential_euler "METHOD_EXPONENTIAL_EULER"
        rk4 "METHOD_RK4"


cdef extern from "outputs.h" nogil:
    cpdef enum Ending "ending":
        DONE "LOOP_DONE"
        NOT_FINITE "LOOP_NOT_FINITE"
        RATES_MISSING "LOOP_RATES_MISSING"
        SPIKES_FULL "LOOP_SPIKES_FULL"
        PAUSED "LOOP_PAUSED"
        STEP_TOO_SMALL "LOOP_STEP_TOO_SMALL"
        TOO_MANY_STEPS "LOOP_TOO_MANY_STEPS"


cdef extern from "hodgkin_huxley.h" nogil:
    cpdef enum Variable "hh_variable":
        V "HH_V"
        m "HH_VAR_M"
        h "HH_VAR_H"
        n "HH_VAR_N"
        I_Na "HH_I_NA"
        I_K "HH_I_K"
        I_L "HH_I_L"


cdef extern from "adaptive.h" nogil:
    cpdef enum LastRow "last_row":
        SKIPPED "LAST_ROW_SKIPPED"
        STATE "LAST_ROW_STATE"
        WHOLE "LAST_ROW_WHOLE"


# The structs that callers fill, as dtypes: so that their fields are written down in C alone.
cdef neuron_record _record
cdef membrane_shape _shape
cdef membrane_parameters _membrane_parameters
cdef hh_parameters _parameters
cdef fixed_step_settings _fixed_step_settings
cdef adaptive_settings _adaptive_settings
cdef adaptive_run _adaptive_run
cdef population_settings _population_settings
cdef population_spike _spike

RECORD = np.asarray(<neuron_record[:1]>&_record).dtype
SHAPE = np.asarray(<membrane_shape[:1]>&_shape).dtype
MEMBRANE_PARAMETERS = np.asarray(<membrane_parameters[:1]>&_membrane_parameters).dtype
PARAMETERS = np.asarray(<hh_parameters[:1]>&_parameters).dtype
FIXED_STEP_SETTINGS = np.asarray(<fixed_step_settings[:1]>&_fixed_step_settings).dtype
ADAPTIVE_SETTINGS = np.asarray(<adaptive_settings[:1]>&_adaptive_settings).dtype
ADAPTIVE_RUN = np.asarray(<adaptive_run[:1]>&_adaptive_run).dtype
POPULATION_SETTINGS = np.asarray(<population_settings[:1]>&_population_settings).dtype
SPIKE = np.asarray(<population_spike[:1]>&_spike).dtype


cdef membrane_shape _hodgkin_huxley = hh_shape
HODGKIN_HUXLEY = np.asarray(<membrane_shape[:1]>&_hodgkin_huxley).copy()


@cython.final
cdef class Membrane:
    """The channels of a neuron, and their parameters.

    Parameters
    ----------
    shape : structured array, shape (1,)
        Of SHAPE: which gates and channels there are (membrane.h).
    parameters : structured array, shape (1,)
        Of MEMBRANE_PARAMETERS: channels in the order of evaluation.

    Notes
    -----
    That of Hodgkin and Huxley has a time loop of its own, whose shape is a constant.
    """

    cdef membrane_shape shape
    cdef membrane_parameters parameters
    cdef bint hodgkin_huxley

    def __cinit__(
        self, const membrane_shape[::1] shape, const membrane_parameters[::1] parameters
    ):
        cdef membrane_shape s = shape[0]
        c_assert(0 < s.vectors <= MEMBRANE_VECTORS and 0 <= s.gates <= MEMBRANE_GATES)
        c_assert(0 <= s.ungated <= s.channels <= MEMBRANE_CHANNELS)
        c_assert(4 <= s.factors <= MEMBRANE_FACTORS)
        c_assert(0 <= s.rows <= s.vectors <= s.rows + 1 and 0 <= s.pools <= MEMBRANE_POOLS)
        membrane_prepare(&s)
        self.shape, self.parameters = s, parameters[0]
        self.hodgkin_huxley = membrane_same_shape(&s, &hh_shape)

    @staticmethod
    def of_hodgkin_huxley(const hh_parameters[::1] parameters):
        """Return the membrane with sodium m^3 h, potassium n^4, and a leak."""
        cdef membrane_shape shape = hh_shape
        cdef membrane_parameters[1] p
        memset(p, 0, sizeof(p))
        hh_membrane(&parameters[0], p)
        return Membrane(<membrane_shape[:1]>&shape, <membrane_parameters[:1]>p)


@cython.final
cdef class Rates:
    """The rates that a loop reads: rows of a table, and a list of single V and their rates.

    Parameters
    ----------
    rows : array, shape (rows * vectors, 6, 8)
        alpha and alpha + beta as the method needs them (rate_table.h), row by row those of all
        vectors of gates.
    first : int
        Number k of the first row.
    inverse_width : float, 1/mV
    low, high : float, mV
        The rows are used between these two V, both excluded: at most to the middle of the outermost
        rows, so that rounding, in whichever direction, cannot leave the table.
    evaluated : array, shape (n, 9)
        V and rates, for V beyond the table.
    vectors : int, default 1
        Of gates.
    extendable : bool, default True
        Whether the caller can give the rates at any V that they lack.
    pools : sequence of tuple, optional
        Of each pool factors by its concentration (rate_table.h): rows, shape (rows * vectors, 6,
        8), of the vectors that have such; the number of the first row; how many vectors; and the
        rows of an octave as a power of 2.
    """

    cdef const double[:, :, ::1] _rows
    cdef list _pools
    cdef const double[:, ::1] _evaluated
    cdef rate_source source

    cdef inline void check(self, const membrane_shape *shape) noexcept:
        # Rows and shape belong together, and V within the range of a row of every vector.
        cdef int p
        c_assert(self.source.count * shape.rows == self._rows.shape[0])
        c_assert(len(self._pools) == shape.pools)
        for p in range(shape.pools):
            c_assert(self._pools[p][1] == shape.factored[p])

    def __cinit__(
        self,
        const double[:, :, ::1] rows,
        Py_ssize_t first,
        double inverse_width,
        double low,
        double high,
        const double[:, ::1] evaluated,
        Py_ssize_t vectors=1,
        bint extendable=True,
        pools=(),
    ):
        cdef Py_ssize_t count = rows.shape[0] // vectors
        c_assert(vectors > 0 and count * vectors == rows.shape[0])
        c_assert(low >= first / inverse_width)
        c_assert(high <= (first + count - 1) / inverse_width)
        c_assert(rows.shape[1] == RATE_TABLE_POWERS and rows.shape[2] == RATE_TABLE_LANES)
        c_assert(evaluated.shape[1] == RATE_SOURCE_LINE)
        self._rows, self._evaluated = rows, evaluated  # which keeps them alive
        self.source.rows, self.source.count = &rows[0, 0, 0], count
        self.source.first, self.source.inverse_width = first, inverse_width
        self.source.low, self.source.high = low, high
        self.source.extendable = extendable
        self.source.evaluated_lines = evaluated.shape[0]
        self.source.evaluated = &evaluated[0, 0] if evaluated.shape[0] > 0 else NULL
        self._pools = []
        for factors, first_row, factored, bits in pools:
            self.add_pool(factors, first_row, factored, bits)

    cdef int add_pool(
        self, const double[:, :, ::1] rows, uint64_t first, Py_ssize_t vectors, uint64_t bits
    ) except -1:
        cdef pool_table *table = &self.source.pools[len(self._pools)]
        c_assert(len(self._pools) < MEMBRANE_POOLS)
        c_assert(rows.shape[1] == RATE_TABLE_POWERS and rows.shape[2] == RATE_TABLE_LANES)
        c_assert(vectors == 0 or rows.shape[0] % vectors == 0)
        self._pools.append((rows, vectors))
        table.rows = &rows[0, 0, 0] if rows.shape[0] > 0 else NULL
        table.first, table.bits = first, bits
        table.count = rows.shape[0] // vectors if vectors > 0 else 0
        return 0


cdef inline input_buffer input_from(const double[:] values) noexcept nogil:
    cdef input_buffer buffer
    buffer.data = <const char *>&values[0] if values.shape[0] > 0 else NULL
    buffer.stride, buffer.count = values.strides[0], values.shape[0]
    return buffer


cdef inline int place_in_order_of_hodgkin_huxley(const membrane_shape *shape, int k) noexcept:
    # The number of variable k, a gate or a current, among those of the constant shape.
    cdef int gates = <int>shape.gates, i
    if k <= gates:
        for i in range(gates):
            if hh_shape.lane_of_gate[i] == shape.lane_of_gate[k - 1]:
                return 1 + i
    for i in range(<int>shape.channels):
        if hh_shape.channel_of_current[i] == shape.channel_of_current[k - 1 - gates]:
            return 1 + gates + i
    return k


cdef inline int outputs_to(
    output_buffers *out, Membrane membrane, tuple outputs, Py_ssize_t rows, double *unused
) except -1:
    # Arrays for `rows` rows: of V, the gates and the currents; None for one that is not recorded.
    # Where a constant shape stands for the membrane's own, they go in its order.
    cdef double[:] values
    cdef const membrane_shape *shape = &membrane.shape
    cdef int k, variable, gates = <int>shape.gates, variables = 1 + gates + <int>shape.channels
    if outputs is not None and len(outputs) != variables:
        raise ValueError("outputs must have an array or None for each variable")
    out.count, out.currents = 0, False
    for k in range(variables):
        variable = k
        if membrane.hodgkin_huxley and k > 0:
            variable = place_in_order_of_hodgkin_huxley(shape, k)
        out.of[variable].data, out.of[variable].stride = <char *>unused, 0
        if outputs is not None and outputs[k] is not None:
            values = outputs[k]
            c_assert(values.shape[0] >= rows)
            if values.shape[0] > 0:
                out.of[variable].data = <char *>&values[0]
                out.of[variable].stride = values.strides[0]
                out.recorded[out.count] = variable
                out.count += 1
                out.currents |= k > gates
    return 0


include "fixed_step.pxi"


include "adaptive.pxi"


include "trace_features.pxi"


include "population.pxi"


include "clamp.pxi"
