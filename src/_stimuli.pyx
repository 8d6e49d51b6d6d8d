"""The values of stimuli that need no array."""

# Design: each kernel fills OUT `values` with the currents, µA/cm², of the steps `first`,
# `first` + 1, ...; step i goes from i dt to (i + 1) dt (ms), which come from the integer i.
# Rows are cells, and arrays of parameters have one element a row, with any stride, 0 included.
# Steps of a row follow each other; rows may have any distance.
# Rectangles, ramps and exponentials are the mean over the step, sines the value in its middle;
# noise is the value at its beginning.
# Where a value depends on the one before (noise), what is needed of it comes in as an argument and
# is returned. So pieces of any length, one after the other, give the same bits as one.
#
# The caller has checked everything, and rows have from 1 to 2^31 - 1 steps: int counters let the
# compiler take steps side by side. Kernels keep no state and may run in many threads.

from libc.math cimport INFINITY, ceil, fabs, floor, sqrt
from libc.stdint cimport int64_t, uint64_t

from stimulus_math cimport (
    NOISE_BLOCK, NOISE_OF_ORNSTEIN_UHLENBECK, NOISE_OF_POISSON_EPSC, NOISE_WHITE,
    PYHH_FAST_SOURCES, WAVE_NEVER,
    hh_exp, hh_phi1, noise_centred, noise_four_words, noise_key, noise_log, noise_normals,
    noise_words, wave_edge, wave_edge_at, wave_fraction, wave_sine,
)
import os

from pyhh_fast._cpu import levels as _levels, rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
NEVER = WAVE_NEVER  # a step that no run reaches
ORNSTEIN_UHLENBECK = NOISE_OF_ORNSTEIN_UHLENBECK
POISSON_EPSC = NOISE_OF_POISSON_EPSC
WHITE_NOISE = NOISE_WHITE

LEVELS = len(_levels())  # of noise.h that the CPU has; the environment may name a lower one
cdef int LEVEL = LEVELS - 1
if os.environ.get("PYHH_FAST_SIMD") in _levels():
    LEVEL = _levels().index(os.environ["PYHH_FAST_SIMD"])

cdef extern from *:
    """
    /* Smaller remainders of an EPSC are 0: subnormal numbers are slow, and rounded up for ever. */
    #define SMALLEST_EPSC 1e-290
    """
    const double SMALLEST_EPSC


@rounded_to_nearest
def edge(double time, double dt):
    """Return in which step a time lies, and after which part of it; (0, 0.0) for what is before."""
    cdef wave_edge found = wave_edge_at(time, dt)
    return found.step, found.part


cdef inline void add_rectangle(double *out, int64_t size, int64_t first, double amplitude,
                               wave_edge on, wave_edge off) noexcept nogil:
    # Adds to step i the amplitude times the part of the step that [on, off) covers.
    cdef int64_t i = max(on.step - first, 0), end = min(off.step - first, size)
    if off.step < on.step or (off.step == on.step and off.part <= on.part):
        return
    if on.step == off.step:
        if first <= on.step < first + size:
            out[on.step - first] += amplitude * (off.part - on.part)
        return
    if on.part > 0 and first <= on.step < first + size:
        out[on.step - first] += amplitude * (1 - on.part)
        i += 1
    for i in range(i, end):
        out[i] += amplitude
    if off.part > 0 and first <= off.step < first + size:
        out[off.step - first] += amplitude * off.part


cdef inline void fill_rectangle(double *out, int64_t size, int64_t first, double amplitude,
                                double start, double stop, double dt) noexcept nogil:
    cdef int64_t i
    for i in range(size):
        out[i] = 0.0
    add_rectangle(out, size, first, amplitude, wave_edge_at(start, dt), wave_edge_at(stop, dt))


@rounded_to_nearest
def rectangle(double[:, :] values, int64_t first, double dt, const double[:] amplitude,
              const double[:] start, const double[:] stop):
    """Fill each row of `values` with a current that flows from `start` to `stop`."""
    cdef int64_t row
    with nogil:
        for row in range(values.shape[0]):
            fill_rectangle(&values[row, 0], values.shape[1], first, amplitude[row], start[row],
                           stop[row], dt)


cdef inline void fill_pulses(double *out, int64_t size, int64_t first, double amplitude,
                             double width, double period, double start, int64_t count,
                             double dt) noexcept nogil:
    cdef int64_t i, k
    cdef double whole_before, whole, rest_before, rest, most, width_in_steps
    cdef double period_in_steps = period / dt, steps_to_start = start / dt
    cdef wave_edge on
    if width == period:  # no gap: one rectangle
        most = INFINITY if count == WAVE_NEVER else start + count * period
        fill_rectangle(out, size, first, amplitude, start, most, dt)
    elif period_in_steps >= 1:
        for i in range(size):
            out[i] = 0.0
        # One pulse before that which has begun last: rounding may be off by one, and those that
        # have ended add nothing.
        k = <int64_t>max(0.0, (first - steps_to_start) / period_in_steps - 1)
        while k < count:
            on = wave_edge_at(start + k * period, dt)
            if on.step >= first + size:
                break
            add_rectangle(out, size, first, amplitude, on,
                          wave_edge_at(start + k * period + width, dt))
            k += 1
    else:
        # Of many pulses a step, the difference of what has flowed at the ends of the step.
        width_in_steps = width / dt
        most = INFINITY if count == WAVE_NEVER else <double>count
        whole_before = flown(first - steps_to_start, width_in_steps, period_in_steps, most,
                             &rest_before)
        for i in range(size):
            whole = flown(<double>(first + i + 1) - steps_to_start, width_in_steps,
                          period_in_steps, most, &rest)
            out[i] = amplitude * (
                (whole - whole_before) * width_in_steps + (rest - rest_before)
            )
            whole_before, rest_before = whole, rest


@rounded_to_nearest
def pulses(double[:, :] values, int64_t first, double dt, const double[:] amplitude,
           const double[:] width, const double[:] period, const double[:] start,
           const int64_t[:] count):
    """Fill each row with rectangular pulses; pulse k goes from start + k period, for `width`.

    `width` is at most `period`, `start` is 0 or more, and `count` NEVER where there is no last.
    """
    cdef int64_t row
    with nogil:
        for row in range(values.shape[0]):
            fill_pulses(&values[row, 0], values.shape[1], first, amplitude[row], width[row],
                        period[row], start[row], count[row], dt)


cdef inline double flown(double steps, double width, double period, double count,
                         double *rest) noexcept nogil:
    # How many pulses have ended `steps` after the first one begins, and `rest`, how long the next
    # has lasted; all in steps. Where rounding takes a pulse for its neighbour, the sum is the same.
    cdef double whole
    rest[0] = 0.0
    if not steps > 0:
        return 0
    whole = floor(steps / period)
    if whole >= count:
        return count
    rest[0] = min(max(steps - whole * period, 0.0), width)
    return whole


cdef inline double mean_slope(double begin, double end, double length) noexcept nogil:
    # The mean, from `begin` to `end`, of what is 0 up to 0, 1 from `length` on, and a straight line
    # between. Times in any unit.
    cdef double low = min(max(begin, 0.0), length), high = min(max(end, 0.0), length)
    cdef double above = (end - max(begin, length)) if end > length else 0.0
    if length > 0:
        above += (high - low) * (0.5 * low / length + 0.5 * high / length)
    return above / (end - begin)


cdef inline void fill_ramp(double *out, int size, int64_t first, double low, double high,
                           double start, double stop, double dt) noexcept nogil:
    cdef wave_edge begin = wave_edge_at(start, dt), end = wave_edge_at(stop, dt)
    cdef double length = stop - start, at, fraction
    cdef int i, flat, sloping
    # Steps that begin before the slope, on it, and behind it.
    flat = <int>min(max(begin.step + (begin.part > 0) - first, 0), size)
    sloping = <int>min(max(end.step + (end.part > 0) - first, 0), size)
    for i in range(flat):
        out[i] = low
    for i in range(flat, sloping):
        at = (<double>first + i + 0.5) * dt - start
        fraction = at / length if at > 0 else 0.0
        out[i] = low + (high - low) * fraction
    for i in range(sloping, size):
        out[i] = high
    # Steps with a bend inside; where both lie in one, each formula has both.
    if end.part > 0 and first <= end.step < first + size:
        out[end.step - first] = high + (low - high) * mean_slope(
            (end.part - 1) * dt, end.part * dt, length)
    if begin.part > 0 and first <= begin.step < first + size:
        out[begin.step - first] = low + (high - low) * mean_slope(
            -begin.part * dt, (1 - begin.part) * dt, length)


@rounded_to_nearest
def ramp(double[:, :] values, int64_t first, double dt, const double[:] low,
         const double[:] high, const double[:] start, const double[:] stop):
    """Fill each row with the means of a straight line, `low` at `start`, `high` at `stop`."""
    cdef int64_t row
    with nogil:
        for row in range(values.shape[0]):
            fill_ramp(&values[row, 0], <int>values.shape[1], first, low[row], high[row],
                      start[row], stop[row], dt)


cdef inline void fill_sine(double *out, int size, int64_t first, double amplitude, double per_ms,
                           double phase, double late, double dt) noexcept nogil:
    # Whole cycles of a step change nothing; without them there are fewer in all than 2^50.
    cdef double per_step = wave_fraction(per_ms * dt)
    cdef double offset = wave_fraction(wave_fraction(phase)
                                       + wave_fraction(per_ms * ((0.5 - late) * dt)))
    cdef int i
    for i in range(size):
        out[i] = amplitude * wave_sine((<double>first + i) * per_step + offset)


@rounded_to_nearest
def sine(double[:, :] values, int64_t first, double dt, double late, const double[:] amplitude,
         const double[:] per_ms, const double[:] phase):
    """Fill each row with amplitude sin(2 pi (per_ms t + phase)); `phase` is in cycles.

    t is the middle of the step, less `late` steps.
    """
    cdef int64_t row
    with nogil:
        for row in range(values.shape[0]):
            fill_sine(&values[row, 0], <int>values.shape[1], first, amplitude[row], per_ms[row],
                      phase[row], late, dt)


cdef inline void fill_chirp(double *out, int size, int64_t first, double amplitude,
                            double first_per_ms, double last_per_ms, double duration, double late,
                            double dt) noexcept nogil:
    cdef double first_per_step = wave_fraction(first_per_ms * dt)
    cdef double last_per_step = wave_fraction(last_per_ms * dt)
    cdef double half_change = (last_per_ms - first_per_ms) * 0.5, t, middle = 0.5 - late, cycles
    cdef double first_offset = wave_fraction(first_per_ms * (middle * dt))
    cdef double offset = wave_fraction(wave_fraction((first_per_ms - last_per_ms) * duration * 0.5)
                                       + wave_fraction(last_per_ms * (middle * dt)))
    cdef wave_edge last = wave_edge_at(duration - middle * dt, dt)
    cdef int end = <int>min(max(last.step + (last.part > 0) - first, 0), size), i
    for i in range(end):
        t = (<double>first + i + middle) * dt
        cycles = ((<double>first + i) * first_per_step + first_offset
                  + half_change * t * (t / duration))
        out[i] = amplitude * wave_sine(cycles)
    for i in range(end, size):
        out[i] = amplitude * wave_sine((<double>first + i) * last_per_step + offset)


@rounded_to_nearest
def chirp(double[:, :] values, int64_t first, double dt, double late, const double[:] amplitude,
          const double[:] first_per_ms, const double[:] last_per_ms, const double[:] duration):
    """Fill each row with a sine of moving frequency.

    It has f1 t + (f2 - f1) t^2 / (2 T) cycles up to T, which must be fewer than 2^48 there, and
    then (f1 - f2) T / 2 + f2 t. t is the middle of the step, less `late` steps.
    """
    cdef int64_t row
    with nogil:
        for row in range(values.shape[0]):
            fill_chirp(&values[row, 0], <int>values.shape[1], first, amplitude[row],
                       first_per_ms[row], last_per_ms[row], duration[row], late, dt)


include "noise.pxi"


# What follows is for the tests.


@rounded_to_nearest
def words(uint64_t seed, uint64_t stream, int64_t first, uint64_t[::1] out, uint64_t cell=0):
    """Fill `out` with the random words from number `first` on."""
    cdef noise_key key
    key.seed, key.stream, key.cell = seed, stream, cell
    noise_words(key, first, out.shape[0], &out[0])


@rounded_to_nearest
def normals(const uint64_t[::1] words, double[::1] out, int level=LEVEL):
    """Fill `out` with the normal numbers of `words`."""
    cdef Py_ssize_t begin
    for begin in range(0, words.shape[0], NOISE_BLOCK):
        noise_normals(&words[begin], min(NOISE_BLOCK, words.shape[0] - begin), &out[begin], level)


@rounded_to_nearest
def logarithms(const double[::1] u, double[::1] out):
    """Fill `out` with log(u)."""
    cdef Py_ssize_t i
    for i in range(u.shape[0]):
        out[i] = noise_log(u[i])


@rounded_to_nearest
def sines(const double[::1] cycles, double[::1] out):
    """Fill `out` with sin(2 pi cycles)."""
    cdef Py_ssize_t i
    for i in range(cycles.shape[0]):
        out[i] = wave_sine(cycles[i])
