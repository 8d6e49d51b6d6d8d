/* Rates as piecewise polynomials of V: no exponential, no division, one row load for all gates.

   Row k holds for V within half a width of k times the width (0.5 mV, or that halved): six
   coefficients for each of the rates of a vector of gates, in powers of r = V / width - k,
   |r| <= 1/2. The layout is [power][alpha of four lanes, beta of four lanes], so that a power is
   two loads. For the time loops alpha + beta is in the place of beta.

   Degree 5 through Chebyshev nodes leaves, for a rate like e^(V/10), the slope of the steepest of
   Hodgkin and Huxley, (0.25/10)^6 / (2^5 6!) = 1e-14 of it.

   The width is a power of two: V / width, and k taken from it, are exact, so neighbouring V fall
   into rows without gap or overlap.

   Where there is no row, a time loop stops and returns its V; it continues once the caller has put
   the rates at that V into a short list beside the table (rate_source).
*/
#ifndef PYHH_FAST_RATE_TABLE_H
#define PYHH_FAST_RATE_TABLE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "membrane.h"

#define RATE_TABLE_POWERS 6
#define RATE_TABLE_LANES 8

/* Values at V / width = k + cos((2 j + 1) pi / 12) / 2, j = 0..5, to coefficients: the inverse of
   the Vandermonde matrix of these nodes, in 18 digits. */
static const double rate_table_nodes[RATE_TABLE_POWERS] = {
    0.482962913144534143, 0.353553390593273762, 0.129409522551260381,
    -0.129409522551260381, -0.353553390593273762, -0.482962913144534143,
};
static const double rate_table_fit[RATE_TABLE_POWERS][RATE_TABLE_POWERS] = {
    {0.0446581987385204511, -0.166666666666666667, 0.622008467928146216, 0.622008467928146216,
     -0.166666666666666667, 0.0446581987385204511},
    {0.0924671388280196835, -0.471404520791031683, 4.80651234673833651, -4.80651234673833651,
     0.471404520791031683, -0.0924671388280196835},
    {-3.02393225657483028, 10.6666666666666667, -7.64273441009183639, -7.64273441009183639,
     10.6666666666666667, -3.02393225657483028},
    {-6.26121007281126706, 30.1698893306260277, -59.0585164014068156, 59.0585164014068156,
     -30.1698893306260277, 6.26121007281126706},
    {21.3333333333333333, -42.6666666666666667, 21.3333333333333333, 21.3333333333333333,
     -42.6666666666666667, 21.3333333333333333},
    {44.1717836974968768, -120.679557322504111, 164.851341020000988, -164.851341020000988,
     120.679557322504111, -44.1717836974968768},
};

/* Coefficients from values at the nodes. Differences from a middle node are fitted, so that
   rounding counts against the change within a row and not against the rate itself. */
static inline void rate_table_fit_row(const double values[RATE_TABLE_POWERS],
                                      double coefficients[RATE_TABLE_POWERS])
{
    const double middle = values[2];
    int j, power;
    for (power = 0; power < RATE_TABLE_POWERS; ++power) {
        double sum = 0.0;
        for (j = 0; j < RATE_TABLE_POWERS; ++j) {
            sum += rate_table_fit[power][j] * (values[j] - middle);
        }
        coefficients[power] = sum;
    }
    coefficients[0] += middle;
}

/* The row of V, counted from number `first`, and r, measured from its middle. The table must have
   that row. */
typedef struct {
    uint32_t row;
    double r;
} rate_table_position;

static inline rate_table_position rate_table_find(double V, double inverse_width, double first)
{
    /* Adding 1.5 * 2^52 rounds to an integer and leaves it in the low bits of the sum. V / width
       is exact, so fused and separate operations give the same. */
    const double rounder = 6755399441055744.0 - first;
    const double shifted = HH_FMA(V, inverse_width, rounder);
    rate_table_position place;
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    place.row = (uint32_t)bits;
    place.r = HH_FMA(V, inverse_width, rounder - shifted);
    assert(fabs(place.r) <= 0.5);
    return place;
}

/* The polynomials of one row, in pairs of powers (Estrin). */
static inline lanes rate_table_polynomial(const double *row, lanes r, lanes r2, lanes r4)
{
    const lanes c01 = lanes_fma(lanes_load(row + 8), r, lanes_load(row));
    const lanes c23 = lanes_fma(lanes_load(row + 24), r, lanes_load(row + 16));
    const lanes c45 = lanes_fma(lanes_load(row + 40), r, lanes_load(row + 32));
    return lanes_fma(c45, r4, lanes_fma(c23, r2, c01));
}

/* The same of one lane, to the bit. */
static inline double rate_table_lane(const double *row, double r)
{
    const double r2 = r * r;
    const double c01 = HH_FMA(row[8], r, row[0]), c23 = HH_FMA(row[24], r, row[16]);
    const double c45 = HH_FMA(row[40], r, row[32]);
    return HH_FMA(c45, r2 * r2, HH_FMA(c23, r2, c01));
}

static inline gate_rates rate_table_at(const double *row, double r)
{
    const double r2 = r * r;
    const lanes x = lanes_all(r), x2 = lanes_all(r2), x4 = lanes_all(r2 * r2);
    gate_rates rates;
    rates.alpha = rate_table_polynomial(row, x, x2, x4);
    rates.alpha_plus_beta = rate_table_polynomial(row + 4, x, x2, x4);
    return rates;
}

/* One rate, without fused multiply-add even where there is one: for what must have the same bits on
   all CPUs, whatever they were compiled for. */
static inline double rate_table_plain(const double *row, int lane, double r)
{
    double sum = row[(RATE_TABLE_POWERS - 1) * RATE_TABLE_LANES + lane];
    int power;
    for (power = RATE_TABLE_POWERS - 2; power >= 0; --power) {
        sum = sum * r + row[power * RATE_TABLE_LANES + lane];
    }
    return sum;
}

/* Factors of the concentration of a pool: rows as those of V, by which the rates at V of some
   vectors are multiplied, so that these depend on both.

   A row is found without a logarithm, by the bits of the concentration: an octave has 2^bits rows,
   all as wide, and a row's number is the bits of the exponent and the first of the fraction. The
   rest of the fraction, less a half, is r. What is no number, or negative, is beyond all rows.

   The lane of V in vector 0, which has no rates, has the natural logarithm as its alpha. */
typedef struct {
    const double *rows;
    uint64_t first, count; /* number of the first row, and how many there are */
    uint64_t bits;
} pool_table;

/* Return 0 where no row has it; the place is then in the first row. */
static inline int pool_table_find(const pool_table *t, double Ca, rate_table_position *place)
{
    const uint64_t fraction = ((uint64_t)1 << 52) - 1, one = (uint64_t)1023 << 52;
    uint64_t bits, row;
    memcpy(&bits, &Ca, sizeof bits);
    row = (bits >> (52 - t->bits)) - t->first;
    bits = ((bits << t->bits) & fraction) | one;
    memcpy(&place->r, &bits, sizeof bits);
    place->r -= 1.5;
    place->row = row < t->count ? (uint32_t)row : 0;
    return row < t->count;
}

/* The table, and the rates at V where it has none: lines of V and what a row gives. */
typedef struct {
    const double *rows;
    double first; /* number of the first row */
    int64_t count;
    double inverse_width, low, high; /* V must be between low and high, both excluded */
    const double *evaluated;
    int64_t evaluated_lines;
    int64_t extendable; /* whether the caller can give rates at a V where there are none */
    pool_table pools[MEMBRANE_POOLS];
} rate_source;

#define RATE_SOURCE_LINE (1 + RATE_TABLE_LANES)

/* Only membranes of one vector of gates have such a list. */
HH_COLD int rate_source_evaluated(int vectors, const rate_source *s, double V, gate_rates *rates)
{
    int64_t line;
    int v;
    for (line = 0; line < s->evaluated_lines; ++line) {
        const double *at = s->evaluated + line * RATE_SOURCE_LINE;
        if (at[0] == V) {
            rates->alpha = lanes_load(at + 1);
            rates->alpha_plus_beta = lanes_load(at + 5);
            return 1;
        }
    }
    for (v = 0; v < vectors; ++v) {
        rates[v].alpha = rates[v].alpha_plus_beta = lanes_all(V - V);
    }
    return !isfinite(V);
}

/* Find the rates at V; return 0 where neither the table nor the list has them. Those at a V that
   is no number are no numbers. A row has the rates of all vectors of gates that have such, one
   after another; where channels are shifted, each vector's are in a row of its own. */
HH_INLINE int rate_source_find(int vectors, const membrane_shape *shape, const rate_source *s,
                               double V, gate_rates *rates)
{
    if (HH_LIKELY(s->low < V && V < s->high)) {
        const size_t row_size = RATE_TABLE_POWERS * RATE_TABLE_LANES;
        rate_table_position place = {0, 0.0};
        size_t row;
        int v;
        for (v = 0; v < vectors; ++v) {
            if (shape->pools && v >= shape->rows) {
                rates[v].alpha = rates[v].alpha_plus_beta = lanes_all(0.0);
                continue;
            }
            if (shape->shifted) {
                place = rate_table_find(V - shape->shift[v], s->inverse_width, s->first);
            } else if (v == 0) {
                place = rate_table_find(V, s->inverse_width, s->first);
            }
            assert(place.row < s->count);
            row = place.row * (size_t)(shape->pools ? shape->rows : vectors) + (size_t)v;
            rates[v] = rate_table_at(s->rows + row * row_size, place.r);
        }
        return 1;
    }
    return rate_source_evaluated(vectors, s, V, rates);
}

/* Multiply rates by the factors of the pools, and set the logarithms of their concentrations, y[p]:
   those that a table lacks, and rates then, are no numbers. */
HH_INLINE void rate_source_factors(int vectors, const membrane_shape *shape, const rate_source *s,
                                   const membrane_state *y, gate_rates *rates, double *ln_Ca)
{
    double x[MEMBRANE_LANES];
    int p, v;
    for (v = 0; v < vectors; ++v) {
        lanes_store(x + 4 * v, y->x[v]);
    }
    for (p = 0; p < shape->pools; ++p) {
        const size_t size = RATE_TABLE_POWERS * RATE_TABLE_LANES;
        const double *row;
        rate_table_position place;
        if (!HH_LIKELY(pool_table_find(&s->pools[p], x[shape->lane_of_pool[p]], &place))) {
            place.r = NAN;
        }
        row = s->pools[p].rows + place.row * (size_t)shape->factored[p] * size;
        /* By itself: what follows from it takes longest. */
        ln_Ca[p] = 0.0;
        if (shape->is_factored[p * MEMBRANE_VECTORS]) {
            ln_Ca[p] = rate_table_lane(row + LANE_OF_V, place.r);
        }
        for (v = 0; v < vectors; ++v) {
            if (shape->is_factored[p * MEMBRANE_VECTORS + v]) {
                const gate_rates factors = rate_table_at(row, place.r);
                row += size;
                if (rates) {
                    rates[v].alpha = lanes_mul(rates[v].alpha, factors.alpha);
                    rates[v].alpha_plus_beta =
                        lanes_mul(rates[v].alpha_plus_beta, factors.alpha_plus_beta);
                }
            }
        }
    }
}

#endif
