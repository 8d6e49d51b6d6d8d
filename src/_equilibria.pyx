"""Where dV/dt of membranes with steady gates is 0: the loops of the search, and the equations.

Nothing is fused, so the bits are the same on all CPUs. All arrays of rates have six columns: alpha
m, h, n and beta m, h, n (1/ms). The calls hold no static state: they may run in any thread.
"""

from libc.math cimport fabs, isnan
from libc.stdint cimport int64_t

from hodgkin_huxley cimport (
    hh_currents, hh_currents_in_order, hh_dVdt_in_order, hh_parameters, hh_rates, hh_rates_at,
    PYHH_FAST_SOURCES, root_search, root_search_begin, root_search_next,
)
from pyhh_fast._cpu import rounded_to_nearest

SOURCES = PYHH_FAST_SOURCES.decode("ascii")
SEARCH = sizeof(root_search) // sizeof(double)

# So many searches take turns: the CPU overlaps what one waits for with the others.
cdef enum:
    TOGETHER = 8


cdef inline double steady(double alpha, double beta) noexcept nogil:
    return alpha / (alpha + beta)


cdef inline double dVdt_from(
    const hh_parameters *p, double V, const double *rates
) noexcept nogil:
    return hh_dVdt_in_order(
        p, V, steady(rates[0], rates[3]), steady(rates[1], rates[4]), steady(rates[2], rates[5])
    )


cdef inline double dVdt_at(const hh_parameters *p, double V) noexcept nogil:
    cdef hh_rates r = hh_rates_at(V)
    return hh_dVdt_in_order(
        p, V, steady(r.alpha_m, r.beta_m), steady(r.alpha_h, r.beta_h), steady(r.alpha_n, r.beta_n)
    )


@rounded_to_nearest
def slopes(
    const hh_parameters[::1] parameters,    # IN   shape (n,)
    const double[::1] V,                    # IN   shape (n,), mV
    const double[:, ::1] rates,             # IN   shape (n, 6), at V
    double[::1] dVdt,                       # OUT  shape (n,), mV/ms
):
    """Fill `dVdt` with that of each cell with steady gates."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(V.shape[0]):
            dVdt[i] = dVdt_from(&parameters[i], V[i], &rates[i, 0])


@rounded_to_nearest
def parts_over(
    const double[::1] V,        # IN   shape (n,), mV
    const double[:, ::1] gates, # IN   shape (n, 3): m, h, n
    double[:, ::1] parts,       # OUT  shape (6, n)
):
    """Fill `parts` with what dV/dt is a sum of: it is linear in each g, and in each g E.

    For sodium, potassium and leak, those of conductances of 1 mS/cm2: V times the open fraction,
    and the open fraction.
    """
    cdef Py_ssize_t i
    cdef hh_parameters one
    cdef hh_currents c
    one.C_m = one.g_Na = one.g_K = one.g_L = 1.0
    with nogil:
        for i in range(V.shape[0]):
            one.E_Na = one.E_K = one.E_L = V[i] - 1  # at 1 mV from these, currents are conductances
            c = hh_currents_in_order(&one, V[i], gates[i, 0], gates[i, 1], gates[i, 2])
            parts[0, i], parts[1, i] = c.I_Na * V[i], c.I_Na
            parts[2, i], parts[3, i] = c.I_K * V[i], c.I_K
            parts[4, i], parts[5, i] = c.I_L * V[i], c.I_L


@rounded_to_nearest
def scan(
    const double[:, ::1] weights,   # IN   shape (cells, k)
    const double[:, ::1] parts,     # IN   shape (k, points); dV/dt over V is weights @ parts
    Py_ssize_t first,               # begin with this cell
    double[::1] dVdt,               # scratch, shape (points,)
    int64_t[:, ::1] places,         # OUT  shape (room, 3): cell, point, 1 beside a fold or else 0
    double[:, ::1] ends,            # OUT  shape (room, 2): dV/dt at either end, mV/ms
):
    """Find where dV/dt of cells changes its sign from a point to the next, or may do so twice.

    It may where |dV/dt| is lowest at a point and, by the parabola through this and the two beside
    it, comes near 0: there `point` and the one after the next are the ends.

    Returns
    -------
    cells, found : int
        The cell to continue with, because the room may not do for its own; how many were found.
    """
    cdef Py_ssize_t cells = weights.shape[0], points = parts.shape[1], i, j, k, found = 0
    cdef double before, here, after, bend
    cdef bint zero
    with nogil:
        for i in range(first, cells):
            if found + 2 * points > places.shape[0]:
                cells = i
                break
            for j in range(points):
                dVdt[j] = weights[i, 0] * parts[0, j]
            for k in range(1, weights.shape[1]):
                for j in range(points):
                    dVdt[j] += weights[i, k] * parts[k, j]
            zero = True
            for j in range(points):
                zero &= dVdt[j] == 0
            if zero:
                continue  # without any current every V is an equilibrium: none is told
            for j in range(points - 1):
                if (dVdt[j] > 0) != (dVdt[j + 1] > 0):
                    if not (isnan(dVdt[j]) or isnan(dVdt[j + 1])):
                        places[found, 0], places[found, 1], places[found, 2] = i, j, 0
                        ends[found, 0], ends[found, 1] = dVdt[j], dVdt[j + 1]
                        found += 1
                elif j > 0 and (dVdt[j - 1] > 0) == (dVdt[j] > 0):
                    before, here, after = fabs(dVdt[j - 1]), fabs(dVdt[j]), fabs(dVdt[j + 1])
                    if here <= before and here <= after:
                        # The parabola's lowest value, and as much again as it may err.
                        bend = max(before + after - 2 * here, 1e-300)
                        if here - (after - before) * (after - before) / (8 * bend) <= 0.25 * bend:
                            places[found, 0], places[found, 1], places[found, 2] = i, j - 1, 1
                            ends[found, 0], ends[found, 1] = dVdt[j - 1], dVdt[j + 1]
                            found += 1
    return cells, found


@rounded_to_nearest
def begin(
    double[:, ::1] search,          # OUT  shape (n, SEARCH)
    const double[::1] low,          # IN   shape (n,), as the others; mV
    const double[::1] high,
    const double[::1] at_low,       # IN   dV/dt there, mV/ms
    const double[::1] at_high,
    double[::1] V,                  # OUT  where to evaluate dV/dt first, mV
):
    """Begin searches for roots between `low` and `high` (root_search.h)."""
    cdef Py_ssize_t i
    cdef root_search *one
    with nogil:
        for i in range(low.shape[0]):
            one = <root_search *>&search[i, 0]
            root_search_begin(one, low[i], high[i], at_low[i], at_high[i])
            V[i] = one.at


@rounded_to_nearest
def proceed(
    double[:, ::1] search,          # INOUT  shape (n, SEARCH)
    int64_t[::1] left,              # INOUT  shape (m,): which searches are not at their end
    const double[::1] dVdt,         # IN     shape (m,), at the V of each, mV/ms
    double[::1] V,                  # OUT    shape (n,), mV: where to evaluate next, or the root
):
    """Let searches know what they wait for; return how many, the first of `left`, want more."""
    cdef Py_ssize_t i, still = 0
    cdef root_search *one
    with nogil:
        for i in range(left.shape[0]):
            one = <root_search *>&search[left[i], 0]
            if root_search_next(one, dVdt[i]):
                V[left[i]] = one.at
                left[still] = left[i]
                still += 1
            else:
                V[left[i]] = one.at
    return still


@rounded_to_nearest
def finish_built_in(
    double[:, ::1] search,                  # INOUT  shape (n, SEARCH), begun
    const hh_parameters[::1] parameters,    # IN     shape (n,)
    double[::1] V,                          # OUT    shape (n,), mV: the roots
):
    """Bring searches to their ends, with the rates of Hodgkin & Huxley (1952)."""
    cdef Py_ssize_t block, begin, end, i
    cdef root_search *one
    cdef bint[TOGETHER] waits
    cdef bint any_waits
    with nogil:
        for block in range((V.shape[0] + TOGETHER - 1) // TOGETHER):
            begin = block * TOGETHER
            end = min(begin + TOGETHER, V.shape[0])
            for i in range(TOGETHER):
                waits[i] = True
            any_waits = True
            while any_waits:
                any_waits = False
                for i in range(begin, end):
                    if waits[i - begin]:
                        one = <root_search *>&search[i, 0]
                        waits[i - begin] = root_search_next(one, dVdt_at(&parameters[i], one.at))
                        any_waits |= waits[i - begin]
            for i in range(begin, end):
                V[i] = (<root_search *>&search[i, 0]).at


@rounded_to_nearest
def characteristic(
    const hh_parameters[::1] parameters,    # IN   shape (n,)
    const double[::1] V,                    # IN   shape (n,), mV
    double width,                           # mV
    const double[:, ::1] rates,             # IN   shape (n, 6), at V
    const double[:, ::1] higher,            # IN   the same at V + width
    const double[:, ::1] lower,             # IN   the same at V - width
    double[:, ::1] coefficients,            # OUT  shape (4, n)
):
    """Fill in the coefficients a, b, c, d of the characteristic polynomial of the Jacobian.

    It is x^4 + a x^3 + b x^2 + c x + d, of V, m, h and n at V with steady gates. Gates act on V
    alone, so it is that of three loops of V and a gate; slopes are differences, dV/dt being linear
    in V.
    """
    cdef Py_ssize_t i
    cdef int gate
    cdef const hh_parameters *p
    cdef double[3] x, up, down, speed, loop
    cdef double by_V, V_by_V, s1, s2, s3
    with nogil:
        for i in range(V.shape[0]):
            p = &parameters[i]
            for gate in range(3):
                speed[gate] = rates[i, gate] + rates[i, 3 + gate]
                x[gate] = rates[i, gate] / speed[gate]
            V_by_V = (
                hh_dVdt_in_order(p, V[i] + 1.0, x[0], x[1], x[2])
                - hh_dVdt_in_order(p, V[i] - 1.0, x[0], x[1], x[2])
            ) / 2.0
            for gate in range(3):
                up, down = x, x
                up[gate] = x[gate] + 1e-6
                down[gate] = x[gate] - 1e-6
                by_V = (higher[i, gate] - lower[i, gate]) / (2 * width) * (1 - x[gate]) - (
                    higher[i, 3 + gate] - lower[i, 3 + gate]
                ) / (2 * width) * x[gate]
                loop[gate] = by_V * ((
                    hh_dVdt_in_order(p, V[i], up[0], up[1], up[2])
                    - hh_dVdt_in_order(p, V[i], down[0], down[1], down[2])
                ) / (2 * 1e-6))
            s1 = speed[0] + speed[1] + speed[2]
            s2 = speed[0] * speed[1] + speed[0] * speed[2] + speed[1] * speed[2]
            s3 = speed[0] * speed[1] * speed[2]
            coefficients[0, i] = s1 - V_by_V
            coefficients[1, i] = s2 - V_by_V * s1 - (loop[0] + loop[1] + loop[2])
            coefficients[2, i] = s3 - V_by_V * s2 - (
                loop[0] * (speed[1] + speed[2])
                + loop[1] * (speed[0] + speed[2])
                + loop[2] * (speed[0] + speed[1])
            )
            coefficients[3, i] = -V_by_V * s3 - (
                loop[0] * (speed[1] * speed[2])
                + loop[1] * (speed[0] * speed[2])
                + loop[2] * (speed[0] * speed[1])
            )
