# Noise: the values of stimuli of which each cell has a stream of its own; see _stimuli.pyx.
#
# Tried: numpy.random.Philox's random_raw for the words. It takes 2.8 ns a word, 1.9 ns here, and an
# array of its own. The recurrence of one block and the words of the next in one loop, so that they
# overlap, saves 0.6 of 7 ns and is twice the code.

cdef inline double fill_ornstein_uhlenbeck(
    double *out, int64_t size, int64_t first, double y, double mean, double sd, double dt_per_tau,
    noise_key key,
) noexcept nogil:
    # y is the deviation from the mean in the step before; that in the last is returned.
    cdef double decay = hh_exp(-dt_per_tau), z = 2 * dt_per_tau, spread
    cdef int64_t begin = 0, end, i
    cdef uint64_t[NOISE_BLOCK] words
    # 1 - e^-z as z phi1(-z) loses nothing where z is small; beyond, e^-z is below 1's last place.
    spread = sd * sqrt(z * hh_phi1(-z) if z < 40 else 1.0)
    while begin < size:
        end = min(begin + NOISE_BLOCK, size)
        noise_words(key, first + begin, end - begin, words)
        noise_normals(words, end - begin, out + begin, LEVEL)
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


@rounded_to_nearest
def ornstein_uhlenbeck(double[:, :] values, int64_t first, double[::1] deviations, uint64_t seed,
                       const uint64_t[:] cell, const double[:] mean, const double[:] sd,
                       const double[:] dt_per_tau):
    """Fill each row of `values` with mean + y, from the stream of cell number `cell`.

    y' = y e^(-dt/tau) + sd sqrt(1 - e^(-2 dt/tau)) N, with normal number i for step i, and sd N for
    the first of all. INOUT `deviations`: y of each cell in the step before, then in the last.
    """
    cdef noise_key key
    cdef int64_t row
    with nogil:
        key.seed, key.stream = seed, NOISE_OF_ORNSTEIN_UHLENBECK
        for row in range(values.shape[0]):
            key.cell = cell[row]
            deviations[row] = fill_ornstein_uhlenbeck(
                &values[row, 0], values.shape[1], first, deviations[row], mean[row], sd[row],
                dt_per_tau[row], key
            )


cdef inline void fill_white_noise(double *out, int64_t size, int64_t first, double sd,
                                  noise_key key) noexcept nogil:
    cdef int64_t begin = 0, end, i
    cdef uint64_t[NOISE_BLOCK] words
    while begin < size:
        end = min(begin + NOISE_BLOCK, size)
        noise_words(key, first + begin, end - begin, words)
        noise_normals(words, end - begin, out + begin, LEVEL)
        for i in range(begin, end):
            out[i] = sd * out[i]
        begin = end


@rounded_to_nearest
def white_noise(double[:, :] values, int64_t first, uint64_t seed, const uint64_t[:] cell,
                const double[:] sd):
    """Fill each row of `values` with sd N: number i, of the stream of cell `cell`, for step i."""
    cdef noise_key key
    cdef int64_t row
    with nogil:
        key.seed, key.stream = seed, NOISE_WHITE
        for row in range(values.shape[0]):
            key.cell = cell[row]
            fill_white_noise(&values[row, 0], values.shape[1], first, sd[row], key)


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


cdef struct shot:
    # What events do, with z = dt/tau and w = dt/rise, 0 < z <= w. The current y rises by a second
    # variable x, which jumps by `jump` at an event and decays with w: y' = -z y + x, x' = -w x. The
    # jump is w e^p of the amplitude, with the peak of y at the time p tau.
    # w is 0 where events do not rise: y itself jumps by the amplitude then.
    double z, w, jump
    double y, x  # at the beginning of the next step


cdef inline double rising(double z, double w) noexcept nogil:
    # y after 1, begun at y = 0 and x = 1: a divided difference of e^-z and e^-w. 0 <= z <= w.
    return hh_exp(-z) * hh_phi1(z - w)


cdef inline double mean_rising(double z, double w) noexcept nogil:
    # The mean of that y from 0 to 1: the second divided difference of e^t at 0, -z and -w. Where
    # these are close to each other, by its series, sum h_n / (n + 2)! with h_n the sum of
    # (-z)^i (-w)^(n-i), whose remainder is below 1e-17 there.
    cdef double h = 1.0, power = 1.0, factor = 0.5, total = 0.5
    cdef int n
    if w < 0.5:
        for n in range(1, 15):
            power *= -z
            h = power - w * h
            factor /= n + 2
            total += h * factor
        return total
    if w >= 2 * z:
        return (hh_phi1(-z) - hh_phi1(-w)) / (w - z)
    return (hh_phi1(-w) - rising(z, w)) / z


cdef inline double faded(double current) noexcept nogil:
    return current if fabs(current) >= SMALLEST_EPSC else 0.0


cdef inline int64_t fill_poisson_epsc(double *out, int64_t size, int64_t first, events *e,
                                      shot *s, double amplitude, bint rises,
                                      int64_t *left) noexcept nogil:
    # Returns the number of values filled: fewer than `size` where no events were left to draw. A
    # step is not cut by that.
    cdef double decay = hh_exp(-s.z), mean = hh_phi1(-s.z), decay_x = 0.0, to_y = 0.0, of_x = 0.0
    cdef double per_ratio = 1 / s.z, here = 0.0, later = 0.0, later_x = 0.0, age, decayed, remains
    cdef double y = s.y, x = s.x
    cdef int64_t i = 0, until, begun_in = -1
    if rises:
        decay_x, to_y, of_x = hh_exp(-s.w), rising(s.z, s.w), mean_rising(s.z, s.w)
    if e.event == 0:
        draw_next(e)
    while True:
        until = min(size, e.step - 1 - first)
        if i < until:  # what began in step i is complete
            if rises:
                out[i] = (y * mean + x * of_x) + here
                y = faded((y * decay + x * to_y) + later)
                x = faded(x * decay_x + later_x)
            else:
                out[i] = y * mean + here
                y = faded(y * decay + later)
            here = later = later_x = 0.0
            i += 1
        while i < until:
            if rises:
                out[i] = y * mean + x * of_x
                y = faded(y * decay + x * to_y)
                x = faded(x * decay_x)
            else:
                out[i] = y * mean
                y = faded(y * decay)
            i += 1
        # The next event lies in step i.
        if i == size or (left[0] <= 0 and i != begun_in):
            s.y, s.x = y, x
            return i
        age = e.lead * s.z
        if rises:
            here += s.jump * e.lead * e.lead * mean_rising(age, e.lead * s.w)
            later += s.jump * e.lead * rising(age, e.lead * s.w)
            later_x += s.jump * hh_exp(-e.lead * s.w)
        else:
            if age < 0.5:
                decayed = age * hh_phi1(-age)  # 1 - e^-age
                remains = 1 - decayed
            else:
                remains = hh_exp(-age)
                decayed = 1 - remains
            here += amplitude * decayed * per_ratio
            later += amplitude * remains
        begun_in = i
        draw_next(e)
        left[0] -= 1


@rounded_to_nearest
def poisson_epsc(double[:, :] values, int64_t[::1] done, int64_t first, double[::1] current,
                 double[::1] rising, int64_t[::1] next_step, double[::1] lead,
                 int64_t[::1] event, uint64_t seed, const uint64_t[:] cell, int64_t most_events,
                 const double[:] amplitude, const double[:] mean_interval,
                 const double[:] dt_per_tau, const double[:] dt_per_rise,
                 const double[:] rise_per_tau):
    """Fill each row, or as much as it can, with means of currents begun at random times.

    The mean over a step of e^(-z s), s from 0 to 1, is (1 - e^-z) / z with z = dt/tau; of one that
    begins in it, and has lasted for a part x at its end, (1 - e^-xz) / z. With a rise, a current is
    a difference of two exponentials.

    Parameters
    ----------
    done : ndarray of int, INOUT
        How many values of each row are filled. The call ends when `most_events` were drawn, so that
        it is short.
    first : int
        The step of the first value of each row.
    current, rising : ndarray, µA/cm², INOUT
        What there is at the beginning of the next step of a row; the latter is dt times the slope
        that events give the current.
    next_step, lead : ndarray, INOUT
        The next event is `lead` of a step before the beginning of `next_step`.
    event : ndarray of int, INOUT
        Number of events drawn, that one included; 0 draws it.
    mean_interval : ndarray, steps
    dt_per_rise : ndarray
        At least dt_per_tau; 0 where events do not rise, but jump.
    rise_per_tau : ndarray
        Above 0, at most 1; not used where events do not rise.
    """
    cdef int64_t size = values.shape[1], left = most_events, row, filled
    cdef double r, peak
    cdef events e
    cdef shot s
    with nogil:
        e.key.seed, e.key.stream = seed, NOISE_OF_POISSON_EPSC
        for row in range(values.shape[0]):
            if left <= 0:
                break
            if done[row] == size:
                continue
            e.key.cell = cell[row]
            e.four, e.event, e.step, e.lead = -1, event[row], next_step[row], lead[row]
            e.mean_interval = mean_interval[row]
            s.z, s.w, s.y, s.x = dt_per_tau[row], dt_per_rise[row], current[row], rising[row]
            if s.w > 0:
                r = rise_per_tau[row]
                peak = -r * noise_log(r) / (1 - r) if r < 1 else 1.0
                s.jump = amplitude[row] * (s.w * hh_exp(peak))
                filled = fill_poisson_epsc(&values[row, 0] + done[row], size - done[row],
                                           first + done[row], &e, &s, amplitude[row], True, &left)
            else:
                filled = fill_poisson_epsc(&values[row, 0] + done[row], size - done[row],
                                           first + done[row], &e, &s, amplitude[row], False, &left)
            done[row] += filled
            current[row], rising[row] = s.y, s.x
            event[row], next_step[row], lead[row] = e.event, e.step, e.lead
