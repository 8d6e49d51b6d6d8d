"""The values of stimuli that need no array."""

# Design: each kernel fills OUT `values` with the currents, µA/cm², of the steps `first`,
# `first` + 1, ...; that of step i is the stimulus at t = i dt (ms), which comes from the integer i.
# Where a value depends on the one before (noise), what is needed of it comes in as an argument and
# is returned. So pieces of any length, one after the other, give the same bits as one.
#
# The caller has checked everything, and `values` has at most 2^31 - 1 elements: int counters let
# the compiler take steps side by side. Kernels keep no state and may run in many threads.
#
# Tried: numpy.random.Philox's random_raw for the words. It takes 2.8 ns a word, 1.9 ns here, and an
# array of its own. The recurrence of one block and the words of the next in one loop, so that they
# overlap, saves 0.6 of 7 ns and is twice the code.

from libc.math cimport ceil, fabs, sqrt
from libc.stdint cimport int64_t, uint64_t

from stimulus_math cimport (
    NOISE_BLOCK, NOISE_OF_ORNSTEIN_UHLENBECK, NOISE_OF_POISSON_EPSC, PYHH_FAST_SOURCES, WAVE_NEVER,
    hh_exp, hh_relaxation, noise_centred, noise_four_words, noise_key, noise_log, noise_normals,
    noise_words, wave_border, wave_fraction, wave_sine,
)

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
NEVER = WAVE_NEVER  # a step that no run reaches
ORNSTEIN_UHLENBECK = NOISE_OF_ORNSTEIN_UHLENBECK
POISSON_EPSC = NOISE_OF_POISSON_EPSC

cdef extern from *:
    """
    /* Smaller remainders of an EPSC are 0: subnormal numbers are slow, and rounded up for ever. */
    #define SMALLEST_EPSC 1e-290
    """
    const double SMALLEST_EPSC


def border(double time, double dt):
    """Return the first step i with i dt >= time, up to rounding; 0 for what lies before."""
    return wave_border(time, dt)


def pulses(double[::1] values, int64_t first, double amplitude, double width, double period,
           double start, int64_t count, double dt):
    """Fill `values` with rectangular pulses; pulse k goes from start + k period, for `width`.

    `period` is `dt` or more, and `start` is 0 or more.
    """
    cdef int64_t size = values.shape[0], i = 0, k, on, off, until
    cdef double *out = &values[0]
    with nogil:
        # One pulse before that which has begun last: rounding may be off by one, and those that
        # have ended fill nothing.
        k = <int64_t>max(0.0, (first - start / dt) / (period / dt) - 1)
        while i < size:
            on = off = WAVE_NEVER
            if k < count:
                on = wave_border(start + k * period, dt)
                off = wave_border(start + k * period + width, dt)
            until = min(max(on - first, i), size)
            while i < until:
                out[i] = 0.0
                i += 1
            until = min(max(off - first, i), size)
            while i < until:
                out[i] = amplitude
                i += 1
            k += 1


def ramp(double[::1] values, int64_t first, double low, double high, double start, double stop,
         double dt):
    """Fill `values` with a straight line from `low` at `start` to `high` at `stop`."""
    cdef int64_t begin = wave_border(start, dt) - first, end = wave_border(stop, dt) - first
    cdef double length = stop - start, at, fraction
    cdef double *out = &values[0]
    cdef int size = <int>values.shape[0], i, flat, sloping
    with nogil:
        flat, sloping = <int>min(max(begin, 0), size), <int>min(max(end, 0), size)
        for i in range(flat):
            out[i] = low
        for i in range(flat, sloping):
            at = (<double>first + i) * dt - start
            fraction = at / length if at > 0 else 0.0
            out[i] = low + (high - low) * fraction
        for i in range(sloping, size):
            out[i] = high


def sine(double[::1] values, int64_t first, double amplitude, double per_ms, double phase,
         double dt):
    """Fill `values` with amplitude sin(2 pi (per_ms t + phase)); `phase` is in cycles."""
    # Whole cycles of a step change nothing; without them there are fewer in all than 2^50.
    cdef double per_step = wave_fraction(per_ms * dt), offset = wave_fraction(phase)
    cdef double *out = &values[0]
    cdef int i
    with nogil:
        for i in range(<int>values.shape[0]):
            out[i] = amplitude * wave_sine((<double>first + i) * per_step + offset)


def chirp(double[::1] values, int64_t first, double amplitude, double first_per_ms,
          double last_per_ms, double duration, double dt):
    """Fill `values` with a sine of moving frequency.

    It has f1 t + (f2 - f1) t^2 / (2 T) cycles up to T, which must be fewer than 2^48 there, and
    then (f1 - f2) T / 2 + f2 t.
    """
    cdef double first_per_step = wave_fraction(first_per_ms * dt)
    cdef double last_per_step = wave_fraction(last_per_ms * dt)
    cdef double half_change = (last_per_ms - first_per_ms) * 0.5, t, cycles
    cdef double offset = wave_fraction((first_per_ms - last_per_ms) * duration * 0.5)
    cdef double *out = &values[0]
    cdef int size = <int>values.shape[0], end, i
    with nogil:
        end = <int>min(max(wave_border(duration, dt) - first, 0), size)
        for i in range(end):
            t = (<double>first + i) * dt
            cycles = (<double>first + i) * first_per_step + half_change * t * (t / duration)
            out[i] = amplitude * wave_sine(cycles)
        for i in range(end, size):
            out[i] = amplitude * wave_sine((<double>first + i) * last_per_step + offset)


def ornstein_uhlenbeck(double[::1] values, int64_t first, double deviation, double mean, double sd,
                       double dt_per_tau, uint64_t seed):
    """Fill `values` with mean + y, and return y of the last; `deviation` is y of the step before.

    y' = y e^(-dt/tau) + sd sqrt(1 - e^(-2 dt/tau)) N, with normal number i for step i, and sd N for
    the first of all.
    """
    cdef double decay = hh_exp(-dt_per_tau), z = 2 * dt_per_tau, spread, y = deviation
    cdef int64_t size = values.shape[0], begin = 0, end, i
    cdef double *out = &values[0]
    cdef uint64_t[NOISE_BLOCK] words
    cdef noise_key key
    with nogil:
        key.seed, key.stream = seed, NOISE_OF_ORNSTEIN_UHLENBECK
        # z (1 - e^-z) / z loses nothing where z is small; beyond, e^-z is below 1's last place.
        spread = sd * sqrt(z * hh_relaxation(z) if z < 40 else 1.0)
        while begin < size:
            end = min(begin + NOISE_BLOCK, size)
            noise_words(key, first + begin, end - begin, words)
            noise_normals(words, end - begin, out + begin)
            i = begin
            if first + begin == 0:
                y = sd * out[0]
                out[0] = mean + y
                i = 1
            for i in range(i, end):
                y = y * decay + spread * out[i]
                out[i] = mean + y
            begin = end
    return y


cdef struct events:
    # A Poisson process. The next event lies `lead` of a step, 0 <= lead < 1, before the step `step`
    # begins. No precision is lost in long runs, because whole steps are counted.
    noise_key key
    uint64_t[4] words  # those of event / 4, where that is `four`
    int64_t four, event, step
    double lead, mean_interval  # steps


cdef inline void draw_next(events *e) noexcept nogil:
    # The interval to the next is exponential: -log(u) means.
    cdef double gap, whole
    if e.event // 4 != e.four:
        e.four = e.event // 4
        noise_four_words(e.key, e.four, e.words)
    gap = -noise_log(noise_centred(e.words[e.event % 4]) + 0.5) * e.mean_interval - e.lead
    e.event += 1
    if gap <= 0:
        e.lead = -gap
        return
    whole = ceil(gap)
    if not whole < WAVE_NEVER - e.step:
        e.step, e.lead = WAVE_NEVER, 0.0
        return
    e.step += <int64_t>whole
    e.lead = whole - gap


def poisson_epsc(double[::1] values, int64_t first, double current, int64_t next_step, double lead,
                 int64_t event, double amplitude, double mean_interval, double dt_per_tau,
                 uint64_t seed, int64_t most_events):
    """Fill `values` with exponentials that begin at random times, or as many as it can.

    Parameters
    ----------
    current : float, µA/cm²
        What there is at step `first`, but for events from `next_step` on.
    next_step, lead : int, float
        The next event is `lead` of a step before the beginning of `next_step`.
    event : int
        Number of events drawn, that one included; 0 draws it.
    mean_interval : float, steps
    most_events : int
        The number to come in one call, so that a call is short.

    Returns
    -------
    tuple of int, float, int, float, int
        Number of values filled, then current, next_step, lead and event for the next call.
    """
    cdef double decay = hh_exp(-dt_per_tau)
    cdef int64_t size = values.shape[0], i = 0, left = most_events, until
    cdef double *out = &values[0]
    cdef events e
    with nogil:
        e.key.seed, e.key.stream = seed, NOISE_OF_POISSON_EPSC
        e.four, e.event, e.step, e.lead = -1, event, next_step, lead
        e.mean_interval = mean_interval
        if event == 0:
            draw_next(&e)
        while True:
            until = min(size, e.step - first)
            while i < until:
                out[i] = current
                current *= decay
                if fabs(current) < SMALLEST_EPSC:
                    current = 0.0
                i += 1
            if i == size or left == 0:
                break
            current += amplitude * hh_exp(-e.lead * dt_per_tau)
            draw_next(&e)
            left -= 1
    return i, current, e.step, e.lead, e.event


# What follows is for the tests.


def words(uint64_t seed, uint64_t stream, int64_t first, uint64_t[::1] out):
    """Fill `out` with the random words from number `first` on."""
    cdef noise_key key
    key.seed, key.stream = seed, stream
    noise_words(key, first, out.shape[0], &out[0])


def normals(const uint64_t[::1] words, double[::1] out):
    """Fill `out` with the normal numbers of `words`."""
    cdef Py_ssize_t begin
    for begin in range(0, words.shape[0], NOISE_BLOCK):
        noise_normals(&words[begin], min(NOISE_BLOCK, words.shape[0] - begin), &out[begin])


def logarithms(const double[::1] u, double[::1] out):
    """Fill `out` with log(u)."""
    cdef Py_ssize_t i
    for i in range(u.shape[0]):
        out[i] = noise_log(u[i])


def sines(const double[::1] cycles, double[::1] out):
    """Fill `out` with sin(2 pi cycles)."""
    cdef Py_ssize_t i
    for i in range(cycles.shape[0]):
        out[i] = wave_sine(cycles[i])
