/* One step of DOP853: a Runge-Kutta method of order 8 by Dormand and Prince, and an interpolant of
   order 7 (Hairer, Norsett and Wanner; see dop853_tableau.h).

   A step makes 15 slopes, three of them for the interpolant alone. It is made at every step, for
   it tells how far to trust the step. Its two highest terms, c5 and c6, shrink like its error, as
   h^8, and are no small difference of large numbers that may vanish by chance. Compared with
   sub-steps that are as good as exact, over 21,751 steps of 0.02 to 1 ms along trains of 7 to 150
   uA/cm2, the largest error of V and gates between and at the ends was

       0.0011 sqrt(c5^2 + c6^2)

   whether that is 1e-10 or 1e-3: in 99 steps of 100 at most twice as much, in the worst 4 times.
   At the end of the step it was a tenth of that.

   Tried and rejected: the authors' own estimate, from embedded methods of order 3 and 5. It needs
   no interpolant, so a step costs a fifth less, but says nothing of what lies between two ends,
   and passes through 0: one step in a hundred erred by 100 to 2,500 times as much, the worst by
   15,000. Order 5 (Dormand and Prince) with its free interpolant: to get the spikes of a second of
   firing right to 1e-5 ms takes it twice as long, to 1e-9 ms five times. */
#ifndef PYHH_FAST_DOP853_H
#define PYHH_FAST_DOP853_H

#include "dop853_tableau.h"
#include "neuron.h"

#define DOP853_INTERPOLANT 7 /* its degree */
#define DOP853_ERROR 0.0011

/* A step from y to `after` in a time h, with the slopes k. k[12] is the slope after it. All have V
   in its lane. Between:

       y(theta) = y + theta (c0 + (1 - theta) (c1 + theta (c2 + (1 - theta) (c3 + ...))))

   up to c6, for 0 <= theta <= 1; V and gates side by side. Instantaneous gates have no slope: their
   interpolant means nothing. */
typedef struct {
    membrane_state y, after;
    double h;
    membrane_state k[16];
    lanes c[DOP853_INTERPOLANT][MEMBRANE_VECTORS];
} dop853_step;

typedef struct {
    double rtol, atol; /* atol in mV, in fractions of gates, and in rests of pools */
} dop853_tolerance;

/* The slope at *y, whose instantaneous gates it puts where they are. Return 0 where the rates are
   missing; slope->V is then the V where they are. */
HH_INLINE int dop853_slope(int vectors, const membrane_shape *shape, const neuron_model *m,
                           const drive *in, membrane_state *y, membrane_state *slope)
{
    found_rates at;
    if (!neuron_settle(vectors, (int)shape->pools, shape, m, y, &at)) {
        slope->V = y->V;
        return 0;
    }
    membrane_slope(vectors, (int)shape->pools, shape, &m->scaled, &at, y, in, slope);
    return 1;
}

/* A function of its own, where the shape is no constant, since a step calls it so often. */
HH_NOINLINE int dop853_slope_of_any(int vectors, const membrane_shape *shape,
                                    const neuron_model *m, const drive *in, membrane_state *y,
                                    membrane_state *slope)
{
    return dop853_slope(vectors, shape, m, in, y, slope);
}

#define DOP853_SLOPE(y, slope)                                                        \
    (HH_IS_CONSTANT(shape->channels) ? dop853_slope(vectors, shape, m, in, y, slope)   \
                                     : dop853_slope_of_any(vectors, shape, m, in, y, slope))

/* The sum of weights[j] k[j] for j < n, of a vector. Weights are constants, so the compiler leaves
   the zeros out. */
HH_INLINE lanes dop853_sum(const double weights[16], const membrane_state *k, int n, int vector)
{
    lanes sum = lanes_all(0.0);
    int j;
    for (j = 0; j < n; ++j) {
        if (weights[j] != 0) {
            sum = lanes_fma(lanes_all(weights[j]), k[j].x[vector], sum);
        }
    }
    return sum;
}

/* The state of stage i. The slope that is known last is added last, in one operation. */
HH_INLINE void dop853_stage(int vectors, const dop853_step *s, int i, membrane_state *y)
{
    membrane_state base;
    int v;
    for (v = 0; v < vectors; ++v) {
        base.x[v] = lanes_fma(lanes_all(s->h), dop853_sum(dop853_a[i], s->k, i - 1, v), s->y.x[v]);
    }
    membrane_state_plus(vectors, &base, s->h * dop853_a[i][i - 1], &s->k[i - 1], y);
}

#define DOP853_STAGE(i)                                                    \
    do {                                                                   \
        membrane_state y;                                                  \
        dop853_stage(vectors, s, i, &y);                                   \
        if (!DOP853_SLOPE(&y, &s->k[i])) {                                 \
            *missing_V = s->k[i].V;                                        \
            return 0;                                                      \
        }                                                                  \
    } while (0)

/* A term of the interpolant, 3 to 6, of a vector. */
HH_INLINE lanes dop853_term(const dop853_step *s, int term, int vector)
{
    return lanes_mul(lanes_all(s->h), dop853_sum(dop853_d[term - 3], s->k, 16, vector));
}

/* Make a step: y, h and k[0] are given, but for c0 to c4. `error` is the square of the estimated
   error over the tolerance; NaN where the step gave NaN. Return 0 where rates are missing. */
HH_INLINE int dop853_attempt(int vectors, const membrane_shape *shape, const neuron_model *m,
                             const drive *in, dop853_tolerance t, dop853_step *s, double *error,
                             double *missing_V)
{
    lanes sum = lanes_all(0.0), atol = lanes_all(t.atol);
    int v;
    DOP853_STAGE(1);
    DOP853_STAGE(2);
    DOP853_STAGE(3);
    DOP853_STAGE(4);
    DOP853_STAGE(5);
    DOP853_STAGE(6);
    DOP853_STAGE(7);
    DOP853_STAGE(8);
    DOP853_STAGE(9);
    DOP853_STAGE(10);
    DOP853_STAGE(11);
    dop853_stage(vectors, s, 12, &s->after);
    if (!DOP853_SLOPE(&s->after, &s->k[12])) {
        *missing_V = s->k[12].V;
        return 0;
    }
    DOP853_STAGE(13);
    DOP853_STAGE(14);
    DOP853_STAGE(15);
    for (v = 0; v < vectors; ++v) {
        lanes scale = lanes_max(lanes_abs(s->y.x[v]), lanes_abs(s->after.x[v])), squares;
        s->c[5][v] = dop853_term(s, 5, v);
        s->c[6][v] = dop853_term(s, 6, v);
        if (shape->pools) {
            atol = lanes_mul(lanes_all(t.atol), lanes_load(shape->scale + 4 * v));
        }
        scale = lanes_fma(lanes_all(t.rtol), scale, atol);
        squares = lanes_fma(s->c[5][v], s->c[5][v], lanes_mul(s->c[6][v], s->c[6][v]));
        squares = lanes_div(squares, lanes_mul(scale, scale));
        sum = v == 0 ? squares : lanes_add(sum, squares);
    }
    *error = DOP853_ERROR * DOP853_ERROR * lanes_sum(sum);
    return 1;
}

/* Add what `dop853_attempt` left out. */
HH_INLINE void dop853_interpolate(int vectors, dop853_step *s)
{
    const lanes h = lanes_all(s->h);
    int v;
    for (v = 0; v < vectors; ++v) {
        const lanes begins = lanes_mul(h, s->k[0].x[v]);
        const lanes ends = lanes_mul(h, s->k[12].x[v]);
        s->c[0][v] = lanes_sub(s->after.x[v], s->y.x[v]);
        s->c[1][v] = lanes_sub(begins, s->c[0][v]);
        s->c[2][v] = lanes_sub(lanes_sub(s->c[0][v], ends), s->c[1][v]);
        s->c[3][v] = dop853_term(s, 3, v);
        s->c[4][v] = dop853_term(s, 4, v);
    }
}

/* The state between; the instantaneous gates are still to be settled. */
HH_INLINE void dop853_between(int vectors, const dop853_step *s, double theta, membrane_state *y)
{
    const lanes up = lanes_all(theta), down = lanes_all(1.0 - theta);
    int v;
    for (v = 0; v < vectors; ++v) {
        lanes sum = s->c[6][v];
        sum = lanes_fma(up, sum, s->c[5][v]);
        sum = lanes_fma(down, sum, s->c[4][v]);
        sum = lanes_fma(up, sum, s->c[3][v]);
        sum = lanes_fma(down, sum, s->c[2][v]);
        sum = lanes_fma(up, sum, s->c[1][v]);
        sum = lanes_fma(down, sum, s->c[0][v]);
        y->x[v] = lanes_fma(up, sum, s->y.x[v]);
    }
    y->V = lane_V(y->x[0]);
}

/* V over the step, less `level`, by Bernstein coefficients of degree 7: theta p and (1 - theta) p
   have those of p, of one degree less, weighted by i/degree and 1 - i/degree. */
static inline void dop853_bernstein(const dop853_step *s, double level,
                                    double b[DOP853_INTERPOLANT + 1])
{
    int degree, i;
    b[0] = lane_V(s->c[6][0]);
    for (degree = 1; degree <= DOP853_INTERPOLANT; ++degree) {
        const int rising = (DOP853_INTERPOLANT - degree) % 2 == 0;
        const double add = degree < DOP853_INTERPOLANT
                               ? lane_V(s->c[DOP853_INTERPOLANT - 1 - degree][0])
                               : s->y.V - level;
        double before = 0.0;
        for (i = 0; i <= degree; ++i) {
            const double here = i < degree ? b[i] : 0.0;
            const double weight = (double)i / degree;
            b[i] = add + (rising ? weight * before : (1.0 - weight) * here);
            before = here;
        }
    }
    /* Exactly where the neighbouring steps end and begin. */
    b[0] = s->y.V - level;
    b[DOP853_INTERPOLANT] = s->after.V - level;
}

/* Whether V may pass `level` within the step: not where the level is far from the cubic through
   its ends, which is at hand. The curve may leave the hull of the cubic's Bernstein coefficients;
   what is added to that, half its height and twice the tolerance on either side, was enough in all
   of 6 10^7 steps of random cells at tolerances of 1 to 1e-8. */
static inline int dop853_may_cross(const dop853_step *s, dop853_tolerance t, double level)
{
    const double third = s->h / 3.0;
    const double b0 = s->y.V, b3 = s->after.V;
    const double b1 = b0 + third * s->k[0].V, b2 = b3 - third * s->k[12].V;
    const double top = fmax(fmax(b0, b1), fmax(b2, b3));
    const double bottom = fmin(fmin(b0, b1), fmin(b2, b3));
    const double tolerance = t.atol + t.rtol * fmax(fabs(top), fabs(bottom));
    const double margin = 0.5 * (top - bottom) + 2.0 * tolerance;
    return bottom - margin < level && level <= top + margin;
}

#endif
