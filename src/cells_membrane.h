/* A membrane (membrane.h) of eight cells, each with parameters of its own, shifts of channels and
   speeds of gates included. Cells are lanes; all is done to each as to one neuron, to the bit. */
#ifndef PYHH_FAST_CELLS_MEMBRANE_H
#define PYHH_FAST_CELLS_MEMBRANE_H

#include "cells.h"
#include "hodgkin_huxley.h"
#include "rate_table.h"

/* A membrane_shape whose factors are numbers of gates, in the order in which they are recorded. */
typedef struct {
    int64_t vectors, gates, channels, ungated, factors, shifted, instantaneous;
    int64_t rows, pools, nernst;
    int64_t speeds; /* whether a gate's speed is each cell's own */
    int64_t factor[MEMBRANE_CHANNELS][MEMBRANE_FACTORS];
    int64_t gate_of_lane[MEMBRANE_LANES]; /* or -1 */
    int64_t at_inf[MEMBRANE_GATES], has_speed[MEMBRANE_GATES];
    int64_t feeders[MEMBRANE_POOLS], feeder[MEMBRANE_POOLS][MEMBRANE_CHANNELS];
    int64_t factored[MEMBRANE_POOLS];
    double is_factored[MEMBRANE_POOLS * MEMBRANE_VECTORS]; /* by pool, then by vector */
} cells_shape;

static const cells_shape hh_cells_shape = {
    .vectors = 1,
    .rows = 1,
    .gates = 3,
    .channels = HH_CHANNELS,
    .ungated = 1,
    .factors = 4,
    .factor = {[HH_NA] = {HH_M, HH_M, HH_M, HH_H}, [HH_K] = {HH_N, HH_N, HH_N, HH_N}},
    .gate_of_lane = {HH_M, HH_H, HH_N, -1},
};

static inline cells_shape cells_shape_of(const membrane_shape *s, const int64_t *has_speed)
{
    cells_shape of;
    int c, i, g;
    memset(&of, 0, sizeof of);
    of.vectors = s->vectors;
    of.rows = s->rows;
    of.pools = s->pools;
    of.nernst = s->nernst;
    of.gates = s->gates;
    of.channels = s->channels;
    of.ungated = s->ungated;
    of.factors = s->factors;
    of.shifted = s->shifted;
    of.instantaneous = s->instantaneous;
    for (i = 0; i < MEMBRANE_LANES; ++i) {
        of.gate_of_lane[i] = -1;
    }
    for (g = 0; g < s->gates; ++g) {
        of.gate_of_lane[s->lane_of_gate[g]] = g;
        of.at_inf[g] = s->at_inf[s->lane_of_gate[g]] != 0;
        of.has_speed[g] = has_speed[g];
        of.speeds |= has_speed[g];
    }
    for (c = 0; c < MEMBRANE_CHANNELS; ++c) {
        for (i = 0; i < MEMBRANE_FACTORS; ++i) {
            const int64_t lane = s->factor[c][i];
            of.factor[c][i] = lane == MEMBRANE_ONE ? MEMBRANE_ONE : of.gate_of_lane[lane];
        }
    }
    memcpy(of.feeders, s->feeders, sizeof of.feeders);
    memcpy(of.feeder, s->feeder, sizeof of.feeder);
    memcpy(of.factored, s->factored, sizeof of.factored);
    memcpy(of.is_factored, s->is_factored, sizeof of.is_factored);
    return of;
}

static inline int cells_are_of_hodgkin_huxley(const cells_shape *s)
{
    const cells_shape *hh = &hh_cells_shape;
    return s->vectors == hh->vectors && s->gates == hh->gates && s->channels == hh->channels &&
           s->ungated == hh->ungated && s->factors == hh->factors && !s->shifted &&
           !s->instantaneous && !s->speeds && !s->pools &&
           memcmp(s->factor[HH_NA], hh->factor[HH_NA], 4 * sizeof s->factor[0][0]) == 0 &&
           memcmp(s->factor[HH_K], hh->factor[HH_K], 4 * sizeof s->factor[0][0]) == 0 &&
           memcmp(s->gate_of_lane, hh->gate_of_lane, 4 * sizeof s->gate_of_lane[0]) == 0;
}

/* V and the gates; x[0] is 1, the factor that pads a list. */
typedef struct {
    cells V, x[1 + MEMBRANE_GATES];
} cells_membrane_state;

typedef struct {
    cells alpha, alpha_plus_beta;
} cells_gate_rates;

typedef struct {
    cells per_C_m, g[MEMBRANE_CHANNELS], E[MEMBRANE_CHANNELS];
    cells slope[MEMBRANE_POOLS][MEMBRANE_CHANNELS];
    cells alpha[MEMBRANE_POOLS], alpha_plus_beta[MEMBRANE_POOLS], feed[MEMBRANE_POOLS];
} cells_membrane_scaled;

typedef struct {
    cells I, G;
    int64_t conducts;
} cells_drive;

typedef struct {
    cells_gate_rates r[MEMBRANE_GATES];
    cells E[MEMBRANE_CHANNELS], ln_Ca[MEMBRANE_POOLS];
} cells_found_rates;

typedef struct {
    cells_membrane_state y;
} cells_neuron;

/* The cells that are outside the table, and at what V. */
typedef struct {
    unsigned cells;
    double V[CELLS];
} cells_outside;

/* The rates at the end of a step, of membranes with instantaneous gates, which are put where these
   say; the next step begins with them. */
typedef struct {
    cells V, Ca[MEMBRANE_POOLS];
    cells_found_rates at;
} cells_latest;

typedef struct {
    struct {
        cells g[MEMBRANE_CHANNELS];
    } p;
    cells_membrane_scaled scaled;
    cells shift[MEMBRANE_VECTORS];
    cells speed[MEMBRANE_GATES]; /* over that which the rates of the table have */
    const rate_source *rates;
    int exponential; /* whether the method is exponential Euler */
    cells_outside *outside;
    cells_latest *latest;
} cells_neuron_model;

/* What equations.h needs of eight cells. */
HH_INLINE cells cells_gates_settled(const cells_shape *s, int g, cells alpha, cells x)
{
    return s->at_inf[g] ? alpha : x;
}

HH_INLINE void cells_state_complete(cells_membrane_state *y) { y->x[0] = cells_all(1.0); }
HH_INLINE cells cells_state_packed_V(const cells_membrane_state *y) { return y->V; }

HH_INLINE cells cells_of_pool(const cells_shape *s, const cells_membrane_state *y, int p)
{
    return y->x[1 + s->gates - s->pools + p];
}

HH_INLINE void cells_rates_set_pool(const cells_shape *s, int gates, int p, cells alpha,
                                    cells alpha_plus_beta, cells_gate_rates *r)
{
    r[gates - s->pools + p].alpha = alpha;
    r[gates - s->pools + p].alpha_plus_beta = alpha_plus_beta;
}

#define GATE cells
#define GATE_OP(name) cells_##name
#define GATE_OF(name) cells_gates_##name
#include "gate_equations.h"

#include "of_cells.h"
#include "equations.h"

HH_INLINE void cells_membrane_open(int gates, const cells_shape *s, const cells_membrane_state *y,
                                   cells *open)
{
    (void)gates;
    cells_membrane_open_of(s, y->x, open);
}

#endif
