"""Forward Euler for one cell: the time loop.

Design
------
The loop stands here, the step in hh_euler.h, the equations in hh_equations.h. Nothing in the loop
allocates, takes the GIL or touches a Python object. The caller has checked every argument and
calls in chunks, so that Python can answer Ctrl-C in between: all that a run carries from one
chunk to the next is in `cell`, written once when the loop ends, and so is never torn.
"""

from hodgkin_huxley cimport (
    PYHH_FAST_SOURCES, c_assert, hh_cell, hh_euler_step, hh_is_finite, hh_parameters,
)

SOURCES = PYHH_FAST_SOURCES.decode("ascii")


def advance(
    hh_cell[::1] cell,                      # INOUT  shape (1,)
    const hh_parameters[::1] parameters,    # IN     shape (1,)
    const double[:] I,                      # IN     shape (steps,), any stride
    double dt,
    Py_ssize_t stop,
    double[::1] V,                          # OUT    the rest: shape (steps,)
    double[::1] m,
    double[::1] h,
    double[::1] n,
    double[::1] I_Na,
    double[::1] I_K,
    double[::1] I_L,
):
    """Step from `cell.step` to `stop`; return whether V and the gates stayed finite.

    Row i of V, m, h, n is the state after step i; row i of the currents is that of step i, from
    the state before it. Where a step gives a number that is not finite, `cell` stays as it was
    before that step, whose number is then `cell.step`, and nothing is written to its row.

    Holds no static state: calls on different cells may run in different threads.
    """
    cdef hh_cell now = cell[0], after
    cdef hh_parameters p = parameters[0]
    cdef Py_ssize_t i
    cdef bint finite = True

    with nogil:
        c_assert(0 <= now.step and now.step <= stop and stop <= V.shape[0])
        for i in range(now.step, stop):
            after = hh_euler_step(now, &p, I[i], dt)
            if not hh_is_finite(&after):
                finite = False
                break
            now = after
            V[i] = now.V
            m[i] = now.m
            h[i] = now.h
            n[i] = now.n
            I_Na[i] = now.I_Na
            I_K[i] = now.I_K
            I_L[i] = now.I_L
    cell[0] = now
    return finite
