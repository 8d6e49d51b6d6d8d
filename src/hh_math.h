/* Exponentials whose bits do not depend on the C library, the CPU or its vector width.

   e^x = 2^k e^r  with  k = round(x / ln 2)  and  r = x - k ln 2,  |r| <= ln(2) / 2.

   ln 2 is subtracted in two parts, the first short enough for k times it to be exact. e^r - 1 is
   the Taylor series up to r^13 / 13!: what is left out, r^14 / 14!, is below 4.2e-18, a thirteenth
   of half a unit in the last place. Terms are paired (Estrin), which halves the chain of dependent
   operations. Errors stay below 1.5 units in the last place for |x| <= 700, and below 3 beyond.

   Special values: e^x overflows to infinity and goes through the subnormal numbers to 0 as it
   should; NaN stays NaN. Nothing here traps, allocates or keeps state.
*/
#ifndef PYHH_FAST_HH_MATH_H
#define PYHH_FAST_HH_MATH_H

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "lanes.h"

/* For |x| up to this, 2^k is a normal number, with a margin. */
#define HH_EXP_RANGE 700.0

typedef struct {
    double expm1_r, power; /* e^r - 1 and 2^k */
} hh_exp_parts;

/* (e^r - 1 - r) / r^2 */
static inline double hh_exp_series(double r)
{
    const double r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    const double c01 = 1. / 2 + 1. / 6 * r;
    const double c23 = 1. / 24 + 1. / 120 * r;
    const double c45 = 1. / 720 + 1. / 5040 * r;
    const double c67 = 1. / 40320 + 1. / 362880 * r;
    const double c89 = 1. / 3628800 + 1. / 39916800 * r;
    const double cab = 1. / 479001600 + 1. / 6227020800. * r;
    return (c01 + r2 * c23) + r4 * (c45 + r2 * c67) + r8 * (c89 + r2 * cab);
}

static inline double hh_expm1_reduced(double r)
{
    return r + r * r * hh_exp_series(r);
}

static inline hh_exp_parts hh_exp_split(double x)
{
    const double log2_e = 1.4426950408889634;
    const double ln2_high = 6.93147180369123816490e-01; /* 33 bits */
    const double ln2_low = 1.90821492927058770002e-10;
    /* Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the sum. */
    const double rounder = 6755399441055744.0;
    const double shifted = x * log2_e + rounder;
    const double k = shifted - rounder;
    uint64_t bits;
    hh_exp_parts parts;

    assert(fabs(x) <= HH_EXP_RANGE);
    memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52; /* only k and the bias are left, as an exponent */
    memcpy(&parts.power, &bits, sizeof bits);
    parts.expm1_r = hh_expm1_reduced((x - k * ln2_high) - k * ln2_low);
    return parts;
}

static inline double hh_exp_in_range(double x)
{
    const hh_exp_parts e = hh_exp_split(x);
    return e.power + e.power * e.expm1_r;
}

static inline double hh_exp(double x)
{
    double root;
    if (fabs(x) <= HH_EXP_RANGE) {
        return hh_exp_in_range(x);
    }
    if (fabs(x) > 2 * HH_EXP_RANGE) {
        return x > 0 ? INFINITY : 0.0;
    }
    if (x != x) {
        return x;
    }
    root = hh_exp_in_range(0.5 * x);
    return root * root;
}

/* L(x) = x / (1 - e^-x), and its limit 1 at x = 0.

   1 - e^-x is formed without cancellation, so L is as exact near 0 as elsewhere. Far out, one of
   1 and e^-x is below the other's last place. */
static inline double hh_exprelr(double x)
{
    hh_exp_parts e;
    if (!(fabs(x) <= HH_EXP_RANGE)) {
        return x > 0 ? x : -x * hh_exp(x);
    }
    e = hh_exp_split(-x);
    return x == 0 ? 1.0 : x / -(e.power * e.expm1_r + (e.power - 1.0));
}

/* phi1(x) = (e^x - 1) / x, and its limit 1 at x = 0: the function of exponential integrators (M.
   Hochbruck and A. Ostermann, "Exponential integrators", Acta Numerica 19, 209-286 (2010)). It is
   1 / L(-x). A quantity that decays with rate k moves in dt by phi1(-k dt) dt times its slope.

   Where x is small its series is used alone, without a division: with w = x/2 and f = phi1(w), the
   value is f (1 + w f / 2), because e^w = 1 + w f. Nothing is fused: tables are made with it, which
   have the same bits on all CPUs. */
static inline int hh_phi1_has_series(double x)
{
    return fabs(0.5 * x) <= 0.34;
}

static inline double hh_phi1_series(double x)
{
    const double w = 0.5 * x, f = 1.0 + w * hh_exp_series(w);
    return f + 0.5 * w * f * f;
}

static inline double hh_phi1(double x)
{
    return hh_phi1_has_series(x) ? hh_phi1_series(x) : 1.0 / hh_exprelr(-x);
}

/* Multiply alpha and alpha + beta, which are times dt, by phi1: for exponential_euler.h. */
static inline void exponential_rates(double *alpha_dt, double *alpha_plus_beta_dt)
{
    const double phi1 = hh_phi1(-*alpha_plus_beta_dt);
    *alpha_dt *= phi1;
    *alpha_plus_beta_dt *= phi1;
}

/* phi1 for -HH_PHI1_RANGE <= x <= 0, without branch and division: for many cells at once.

   At w = x/4 the polynomial of degree 10 that interpolates phi1 at the Chebyshev points of -0.68 to
   0, with an error of 2e-17; then it is doubled twice. */
#define HH_PHI1_RANGE 2.72

static inline double hh_phi1_polynomial(double x)
{
    const double w = 0.25 * x, w2 = w * w, w4 = w2 * w2;
    const double c01 = HH_FMA(0.499999999999996171, w, 0.999999999999999989);
    const double c23 = HH_FMA(0.0416666666614830148, w, 0.166666666666441184);
    const double c45 = HH_FMA(0.00138888846699831237, w, 0.00833333327215057271);
    const double c67 = HH_FMA(0.0000247965427751350883, w, 0.000198410880977975139);
    const double c89 = HH_FMA(2.65386552558768351e-7, w, 2.7466860679426193e-6);
    const double cab = HH_FMA(1.83873863724586782e-8, w2, c89);
    const double f = HH_FMA(HH_FMA(cab, w4, HH_FMA(c67, w2, c45)), w4, HH_FMA(c23, w2, c01));
    const double g = HH_FMA(0.5 * w * f, f, f);
    return HH_FMA(w * g, g, g);
}

/* e^(-V/720) - 1 for |V| <= 200. All exponentials of Hodgkin and Huxley's rates are powers of
   e^(-V/720); they begin at what it differs from 1 by, because a power multiplies its error.

   The polynomial is V times that of degree 9 which interpolates (e^(-V/720) - 1) / V at Chebyshev's
   points; its relative error is 1.5e-16 at the ends and smaller between. */
#define HH_ROOT_RANGE 200.0

static inline double hh_expm1_root(double V)
{
    const double V2 = V * V, V4 = V2 * V2;
    const double c01 = HH_FMA(9.64506172839506194e-07, V, -1.38888888888888908e-03);
    const double c23 = HH_FMA(1.55045359574224956e-13, V, -4.46530635573612675e-10);
    const double c45 = HH_FMA(9.96948043068539828e-21, V, -4.30681554838374599e-17);
    const double c67 = HH_FMA(3.43414816279397823e-28, V, -1.97806825568268189e-24);
    const double c89 = HH_FMA(7.37134510494161755e-36, V, -5.3089198031848653e-32);
    const double high = HH_FMA(c89, V4, HH_FMA(c67, V2, c45));
    return V * HH_FMA(high, V4, HH_FMA(c23, V2, c01));
}

/* e^(2x) - 1 of e^x - 1 */
static inline double hh_expm1_doubled(double expm1)
{
    return HH_FMA(expm1, expm1, expm1 + expm1);
}

#endif
