/* Features of a block of many cells: what is known of them before and after a call. */
#ifndef PYHH_FAST_POPULATION_FEATURES_H
#define PYHH_FAST_POPULATION_FEATURES_H

#include <string.h>

#include "population_block.h"

HH_INLINE double *population_feature_numbers(const population_call *call, int64_t c)
{
    return call->features->of_groups + c / CELLS * CELLS * call->features->numbers + c % CELLS;
}

/* Those that pad the last group are as the last cell; their V is NaN. */
HH_INLINE void population_load_features(const population_call *call)
{
    const population_features *f = call->features;
    const int64_t cells = call->block->cells;
    int64_t c, k;
    for (c = 0; c < (cells + CELLS - 1) / CELLS * CELLS; ++c) {
        const int64_t cell = call->first_cell + (c < cells ? c : cells - 1);
        double *x = population_feature_numbers(call, c);
        for (k = 0; k < f->numbers; ++k) {
            x[k * CELLS] = f->numbers_before[cell * f->numbers + k];
        }
        for (k = 0; k < f->history; ++k) {
            const int64_t row = call->step - f->history + k;
            f->V[(row & f->mask) * HH_BLOCK + c] = f->history_before[cell * f->history + k];
        }
    }
}

/* Keep V after the step that leads to the other state as a row. */
HH_INLINE void population_keep_V(const population_call *call, int64_t row)
{
    const population_block *b = call->block;
    double *to = call->features->V + (row & call->features->mask) * HH_BLOCK;
    const int built_in = call->settings->built_in != 0, after = 1 - call->now;
    int64_t c, i;
    for (c = 0; c < b->cells; c += CELLS) {
        const double *V = built_in ? (const double *)&b->hh.states[after] + c
                                   : (const double *)&b->groups[c / CELLS].states[after].y.V;
        uint64_t inactive;
        cells_store(to + c, cells_load(V));
        memcpy(&inactive, b->inactive + c, sizeof inactive);
        for (i = 0; inactive && i < CELLS; ++i) {
            to[c + i] = b->inactive[c + i] ? NAN : to[c + i];
        }
    }
}

/* Take rows `row` to `past`, excluded, which are kept. */
HH_INLINE void population_take_features(const population_call *call, int64_t row, int64_t past)
{
    const population_features *f = call->features;
    int64_t c;
    for (c = 0; c < call->block->cells; c += CELLS) {
        const feature_rows V = {f->V + c, f->mask, HH_BLOCK};
        cells_feature_take(f->plan, population_feature_numbers(call, c), &V, row, past);
    }
}

/* Write what is known before row `past`. */
HH_INLINE void population_store_features(const population_call *call, int64_t past)
{
    const population_features *f = call->features;
    int64_t c, k;
    for (c = 0; c < call->block->cells; ++c) {
        const int64_t cell = call->first_cell + c;
        const double *x = population_feature_numbers(call, c);
        for (k = 0; k < f->numbers; ++k) {
            f->numbers_after[cell * f->numbers + k] = x[k * CELLS];
        }
        for (k = 0; k < f->history; ++k) {
            const int64_t row = past - f->history + k;
            f->history_after[cell * f->history + k] = f->V[(row & f->mask) * HH_BLOCK + c];
        }
    }
}

#endif
