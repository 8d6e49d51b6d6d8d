/* A membrane with any set of channels, and its equations. Every method and every loop calls them
   here; there is no other compiled place that has any.

       C_m dV/dt = I - sum of I_c,      I_c = g_c open_c (V - E_c)       over the channels c
       dx/dt = alpha_x(V) (1 - x) - beta_x(V) x                         over the gates x

   open_c is the product of the channel's gates, each to its power; 1 where it has none (a leak). An
   instantaneous gate is always at alpha / (alpha + beta).

   I may be that of conductances, too: I - G V, with G to a reversal potential of 0 mV (drive).

   A pool is calcium under the membrane, which channels feed:

       dCa/dt = max(0, -gain sum of I_c) + (rest - Ca) / tau              over the channels that do

   that is a gate's equation with alpha = max(...) + rest / tau and alpha + beta = 1 / tau, and so a
   pool is carried as one of the last gates. The reversal potential of a channel may be Nernst's,
   E_c = E_c(1 mM) - slope ln Ca; rates may be multiplied by factors of Ca (rate_table.h).

   They stand in equations.h and gate_equations.h, for one neuron and for eight cells at once.

   Units: mV, ms, mS/cm2, uA/cm2, uF/cm2, mM, rates 1/ms. Outward currents are positive.

   Gates are lanes of vectors of four. Lane 3 of the first vector is none: methods that take many
   slopes keep V in it, to add all in one operation. A channel is a list of factors, lane numbers,
   padded with a 1 and multiplied in pairs: m^3 h is (m m) (m h). Channels without gates come first.

   A shape says which gates and channels there are. Where it is a constant, as that of Hodgkin and
   Huxley is, compilers unroll all loops over it; `vectors` is an argument of its own, since it is a
   constant for more shapes than the rest. All functions are pure; any thread may call them.
*/
#ifndef PYHH_FAST_MEMBRANE_H
#define PYHH_FAST_MEMBRANE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "hh_math.h"
#include "lanes.h"

#define MEMBRANE_VECTORS 10  /* 16 gates of channels with 8 different shifts take that many */
#define MEMBRANE_LANES (4 * MEMBRANE_VECTORS)
#define MEMBRANE_GATES 16
#define MEMBRANE_CHANNELS 8
#define MEMBRANE_FACTORS 16 /* of a channel */
#define MEMBRANE_POOLS 2
#define MEMBRANE_ONE -1     /* the factor that pads a list */

typedef struct {
    int64_t vectors, gates, channels; /* the pools are among the gates, the last of them */
    int64_t rows;          /* vectors with rates that depend on V, the first */
    int64_t ungated;       /* channels without gates, which are the first */
    int64_t factors;       /* of each gated channel: a power of two, at least 4 */
    int64_t shifted;       /* whether a channel's rates are those at another V */
    int64_t instantaneous; /* whether a gate is */
    int64_t pools;
    int64_t nernst;        /* whether a reversal potential is */
    int64_t factor[MEMBRANE_CHANNELS][MEMBRANE_FACTORS];
    int64_t lane_of_gate[MEMBRANE_GATES];          /* gates and currents in the order in which */
    int64_t channel_of_current[MEMBRANE_CHANNELS]; /* they are recorded */
    double shift[MEMBRANE_VECTORS];                /* mV, of the gates of a vector */
    double at_inf[MEMBRANE_LANES];                 /* 1 where the gate is instantaneous, else 0 */
    int64_t by_factor[4][MEMBRANE_CHANNELS]; /* the first four factors of all channels, lane 15 for
                                                1: membrane_prepare fills it */
    int64_t lane_of_pool[MEMBRANE_POOLS];
    int64_t feeders[MEMBRANE_POOLS]; /* how many channels feed it, and which */
    int64_t feeder[MEMBRANE_POOLS][MEMBRANE_CHANNELS];
    int64_t factored[MEMBRANE_POOLS]; /* how many vectors have factors of it, and which */
    double is_factored[MEMBRANE_POOLS * MEMBRANE_VECTORS]; /* by pool, then by vector */
    int64_t pool_of_E[MEMBRANE_CHANNELS];         /* of a channel whose slope is not 0 */
    double is_pool[MEMBRANE_POOLS][MEMBRANE_LANES]; /* 1 in its lane, else 0 */
    double scale[MEMBRANE_LANES]; /* of errors: 1 of V and gates, of a pool its rest */
} membrane_shape;

typedef struct {
    double C_m;
    double g[MEMBRANE_CHANNELS], E[MEMBRANE_CHANNELS]; /* Nernst's at 1 mM */
    double slope[MEMBRANE_CHANNELS];                   /* of Nernst's, mV; 0 where E is constant */
    double rest[MEMBRANE_POOLS], tau[MEMBRANE_POOLS], gain[MEMBRANE_POOLS];
} membrane_parameters;

/* The parameters as a step of V uses them: per_C_m is dt / C_m, the conductances are times that.
   Of a pool alpha, without inflow, and alpha + beta are as the method needs them, and feed makes
   of the sum that V_step adds for the channels what they add to alpha. */
typedef struct {
    double per_C_m;
    double g[MEMBRANE_CHANNELS], E[MEMBRANE_CHANNELS];
    double slope[MEMBRANE_POOLS][MEMBRANE_CHANNELS]; /* of the pool that E follows, else 0 */
    double alpha[MEMBRANE_POOLS], alpha_plus_beta[MEMBRANE_POOLS], feed[MEMBRANE_POOLS];
} membrane_scaled;

/* What is put into a neuron during a step: a current, uA/cm2, and a conductance, mS/cm2. */
typedef struct {
    double I, G;
    int64_t conducts; /* whether G may be other than 0 */
} drive;

/* V and the gates; or how fast they change. */
typedef struct {
    double V;
    lanes x[MEMBRANE_VECTORS];
} membrane_state;

/* Whether two differ at most in the order in which variables are recorded. */
static inline int membrane_same_shape(const membrane_shape *a, const membrane_shape *b)
{
    return a->vectors == b->vectors && a->gates == b->gates && a->channels == b->channels &&
           a->pools == b->pools && a->nernst == b->nernst &&
           a->ungated == b->ungated && a->factors == b->factors && a->shifted == b->shifted &&
           a->instantaneous == b->instantaneous &&
           memcmp(a->factor, b->factor, sizeof a->factor) == 0;
}

/* Fill what is there for speed. */
static inline void membrane_prepare(membrane_shape *s)
{
    int c, i;
    for (c = 0; c < MEMBRANE_CHANNELS; ++c) {
        const int gated = s->ungated <= c && c < s->channels;
        for (i = 0; i < 4; ++i) {
            const int64_t lane = gated ? s->factor[c][i] : MEMBRANE_ONE;
            s->by_factor[i][c] = lane == MEMBRANE_ONE ? 15 : lane;
        }
    }
}

/* alpha and alpha + beta of the gates of a vector; or multiples of them, by the method. */
typedef struct {
    lanes alpha, alpha_plus_beta;
} gate_rates;

/* For steps of dt, by exponential Euler or another method. */
HH_INLINE void membrane_scale(const membrane_shape *s, const membrane_parameters *p, double dt,
                              int exponential, membrane_scaled *scaled)
{
    const double dt_over_C_m = dt / p->C_m;
    int c;
    if (!HH_IS_CONSTANT(s->channels)) {
        for (c = 0; c < MEMBRANE_CHANNELS; ++c) {
            scaled->g[c] = scaled->E[c] = 0.0;
        }
    }
    for (c = 0; c < MEMBRANE_CHANNELS && s->nernst; ++c) {
        scaled->slope[0][c] = s->pool_of_E[c] == 0 ? p->slope[c] : 0.0;
        scaled->slope[1][c] = s->pool_of_E[c] == 1 ? p->slope[c] : 0.0;
    }
    scaled->per_C_m = dt_over_C_m;
    for (c = 0; c < s->channels; ++c) {
        scaled->g[c] = dt_over_C_m * p->g[c];
        scaled->E[c] = p->E[c];
    }
    for (c = 0; c < s->pools; ++c) {
        const double decay = dt / p->tau[c], phi1 = exponential ? hh_phi1(-decay) : 1.0;
        scaled->alpha_plus_beta[c] = decay * phi1;
        scaled->alpha[c] = p->rest[c] * scaled->alpha_plus_beta[c];
        scaled->feed[c] = p->gain[c] * p->C_m * phi1;
    }
}

#define GATE double
#define GATE_OP(name) double_##name
#define GATE_OF(name) gate_##name
#include "gate_equations.h"

#define GATE lanes
#define GATE_OP(name) lanes_##name
#define GATE_OF(name) gates_##name
#include "gate_equations.h"

/* What equations.h needs of one neuron. */
HH_INLINE lanes gates_settled(const membrane_shape *s, int v, lanes alpha, lanes x)
{
    return lanes_select(lanes_load(s->at_inf + 4 * v), alpha, x);
}

/* V is in its lane as well. */
HH_INLINE void state_complete(membrane_state *y) { y->x[0] = lanes_with_V(y->x[0], y->V); }
HH_INLINE double state_packed_V(const membrane_state *y) { return lane_V(y->x[0]); }

/* The rates at a state, and where pools are concerned the reversal potentials. */
typedef struct {
    gate_rates r[MEMBRANE_VECTORS];
    double E[MEMBRANE_CHANNELS], ln_Ca[MEMBRANE_POOLS];
} found_rates;

HH_INLINE void rates_set_pool(const membrane_shape *s, int vectors, int p, double alpha,
                              double alpha_plus_beta, gate_rates *r)
{
    int v;
    for (v = 0; v < vectors; ++v) {
        const lanes here = lanes_load(s->is_pool[p] + 4 * v); /* where the rates are 0 */
        r[v].alpha = lanes_fma(here, lanes_all(alpha), r[v].alpha);
        r[v].alpha_plus_beta = lanes_fma(here, lanes_all(alpha_plus_beta), r[v].alpha_plus_beta);
    }
}

#include "of_one.h"
#include "equations.h"

#ifdef HH_LANES_AVX512
/* The open fractions of all channels at once, from the registers of up to three vectors. */
HH_INLINE void membrane_open_at_once(int vectors, const membrane_shape *s, const lanes *x,
                                     double *open)
{
    const lanes ones = lanes_all(1.0), second = vectors > 1 ? x[1] : ones;
    const lanes third = vectors > 2 ? x[2] : ones;
    const __m512d low = _mm512_insertf64x4(_mm512_castpd256_pd512(x[0]), second, 1);
    const __m512d high = _mm512_insertf64x4(_mm512_castpd256_pd512(third), ones, 1);
    __m512d f[4];
    int i;
    for (i = 0; i < 4; ++i) {
        f[i] = _mm512_permutex2var_pd(low, _mm512_loadu_si512(s->by_factor[i]), high);
    }
    f[0] = _mm512_mul_pd(_mm512_mul_pd(f[0], f[1]), _mm512_mul_pd(f[2], f[3]));
    _mm512_storeu_pd(open, f[0]);
}
#endif

HH_INLINE void membrane_open(int vectors, const membrane_shape *s, const membrane_state *y,
                             double *open)
{
    double x[1 + MEMBRANE_LANES];
    int v;
#ifdef HH_LANES_AVX512
    /* Pools, which may have the last vector, are in no product. */
    if (!HH_IS_CONSTANT(s->channels) && vectors <= 4 && s->rows <= 3 && s->factors == 4) {
        membrane_open_at_once(vectors, s, y->x, open);
        return;
    }
#endif
    x[1 + MEMBRANE_ONE] = 1.0;
    for (v = 0; v < vectors; ++v) {
        lanes_store(x + 1 + 4 * v, y->x[v]);
    }
    membrane_open_of(s, x, open);
}

HH_INLINE void membrane_currents(const membrane_shape *s, const membrane_parameters *p,
                                 const double *E, double V, const double *open, double *I)
{
    int c;
    for (c = 0; c < s->ungated; ++c) {
        HH_ONE_BY_ONE(s->ungated);
        I[c] = p->g[c] * (V - E[c]);
    }
    for (; c < s->channels; ++c) {
        HH_ONE_BY_ONE(s->channels);
        I[c] = open[c] * (p->g[c] * (V - E[c]));
    }
}

/* Whether V and all gates are finite: a sum is not where one of its terms is not. */
HH_INLINE int membrane_is_finite(int vectors, const membrane_state *y)
{
    lanes sum = y->x[0];
    int v;
    for (v = 1; v < vectors; ++v) {
        sum = lanes_add(sum, y->x[v]);
    }
    return isfinite(y->V + lanes_sum(sum));
}

#endif
