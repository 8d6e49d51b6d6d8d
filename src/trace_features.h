/* Features of V that are computed while V is: in windows of time, and of the shapes of spikes. What
   they mean is said by the classes of pyhh_fast/features/; those of spike times alone need no more
   than these.

   What is carried from a row of V to the next are numbers of each cell, `feature_numbers` of them:
   those of its latest spike, then of each window, the count of spikes of each span, and the sum and
   count of each slot. Number k of a cell is at x[k * cells], where `cells` are side by side. */
#ifndef PYHH_FAST_TRACE_FEATURES_H
#define PYHH_FAST_TRACE_FEATURES_H

#include <stdint.h>

#include "cells.h"

#define FEATURE_ROWS 64   /* of V that are taken at once */
#define FEATURE_HISTORY 5 /* rows before them that any feature needs */

/* A slot is the mean over the spikes of a span, or the value of one of them. */
#define FEATURE_OF_ALL (-1)

typedef enum feature_measure {
    FEATURE_BEGIN,     /* V at the begin of the spike */
    FEATURE_AMPLITUDE, /* V at the peak, above that */
    FEATURE_WIDTH,     /* time above half of the amplitude, ms */
    FEATURE_AHP,       /* V at the first minimum after the spike */
    FEATURE_LOWEST,    /* lowest V until the next spike */
    FEATURE_MEASURES
} feature_measure;

/* Rows of V, of which moments and extremes are needed. */
typedef struct {
    int64_t first, past;
} feature_window;

/* A window of time, in ms, whose spikes are measured; rows from `past` on do not count. */
typedef struct {
    double start, stop;
    int64_t past;
} feature_span;

typedef struct {
    int64_t span, measure, spike; /* number of the spike in the span, or FEATURE_OF_ALL */
} feature_slot;

typedef struct {
    double dt, threshold;
    double slope;      /* mV/ms, with which a spike begins */
    int64_t lookback;  /* rows before a peak in which it begins */
    int64_t widths;    /* whether a slot has the widths */
} feature_settings;

typedef struct {
    feature_settings s;
    const feature_window *windows;
    const feature_span *spans;
    const feature_slot *slots;
    int64_t window_count, span_count, slot_count;
} feature_plan;

/* The latest spike of a cell, and where the next may begin. Rows are numbers of rows; what is not
   known is NaN. */
enum {
    OF_BEGIN_V,    /* where V last began to rise fast, and has not been lower since; or -inf */
    OF_BEGIN_ROW,
    OF_EARLIEST,   /* row before which it may not be: the end of the spike before */
    OF_ABOVE,      /* 1: V crossed the threshold, and is still above */
    OF_SEEKING,    /* 1: the first minimum after the spike is not found yet */
    OF_TIME,       /* of the crossing, ms */
    OF_PEAK,
    OF_PEAK_ROW,
    OF_START,      /* V at the begin of this spike */
    OF_HALF,       /* V below which it is past half of its amplitude, while awaited; or -inf */
    OF_RISE,       /* where, in rows, it crosses that upward */
    OF_FALL,       /* and downward */
    OF_AHP,
    OF_LOWEST,     /* V since the peak */
    OF_SPIKE       /* how many numbers these are */
};

enum { OF_MEAN, OF_M2, OF_M3, OF_M4, OF_MIN, OF_MAX, OF_WINDOW };

static inline int64_t feature_numbers(const feature_plan *p)
{
    return OF_SPIKE + OF_WINDOW * p->window_count + p->span_count + 2 * p->slot_count;
}

/* How many rows of V must be known before one, beside those that are taken with it. */
static inline int64_t feature_history(const feature_settings *s)
{
    return s->widths && s->lookback > FEATURE_HISTORY - 3 ? s->lookback + 3 : FEATURE_HISTORY;
}

/* How many rows there is space for: a power of two, so that row r is at r & (space - 1). */
static inline int64_t feature_space(const feature_settings *s)
{
    int64_t space = FEATURE_ROWS;
    while (space < FEATURE_ROWS + feature_history(s)) {
        space *= 2;
    }
    return space;
}

/* The rows of V of a cell, or of cells side by side: row r at data[(r & mask) * stride]. */
typedef struct {
    const double *data;
    int64_t mask, stride;
} feature_rows;

HH_INLINE double feature_V(const feature_rows *rows, int64_t r)
{
    return rows->data[(r & rows->mask) * rows->stride];
}

/* The numbers of a cell before its first row. */
static inline double feature_start(const feature_plan *p, int64_t number)
{
    const int64_t of_window = number - OF_SPIKE;
    if (number == OF_BEGIN_V || number == OF_HALF) {
        return -INFINITY;
    }
    if (number == OF_TIME) {
        return NAN;
    }
    if (of_window >= 0 && of_window < OF_WINDOW * p->window_count) {
        return of_window % OF_WINDOW == OF_MIN   ? INFINITY
               : of_window % OF_WINDOW == OF_MAX ? -INFINITY
                                                 : 0.0;
    }
    return 0.0;
}

/* Where, in rows, V crosses a level between row r and the next. */
HH_INLINE double feature_crossing(const feature_rows *V, int64_t r, double level)
{
    const double before = feature_V(V, r);
    return (double)r + (level - before) / (feature_V(V, r + 1) - before);
}

/* Count the latest spike of a cell in the spans that it is in and that row n ends, or, where n is
   the row of the next spike, in those that are not over; in the former V at n is not in OF_LOWEST
   yet. */
HH_COLD void feature_count(const feature_plan *p, double *x, int64_t cells, int64_t n, int ended,
                           double V)
{
    double *counts = x + cells * (OF_SPIKE + OF_WINDOW * p->window_count);
    double *slots = counts + cells * p->span_count;
    const double time = x[OF_TIME * cells], lowest = x[OF_LOWEST * cells];
    double of[FEATURE_MEASURES];
    int64_t k, j;
    of[FEATURE_BEGIN] = x[OF_START * cells];
    of[FEATURE_AMPLITUDE] = x[OF_PEAK * cells] - x[OF_START * cells];
    of[FEATURE_WIDTH] = (x[OF_FALL * cells] - x[OF_RISE * cells]) * p->s.dt;
    of[FEATURE_LOWEST] = ended && V < lowest ? V : lowest;
    of[FEATURE_AHP] = x[OF_AHP * cells];
    if (x[OF_SEEKING * cells] == 1.0) {
        of[FEATURE_AHP] = ended && V < lowest ? NAN : lowest; /* not in the very last row */
    }
    for (k = 0; k < p->span_count; ++k) {
        const feature_span *span = &p->spans[k];
        double *count = &counts[k * cells];
        if (!(ended ? span->past == n + 1 : n < span->past) ||
            !(span->start <= time && time < span->stop)) {
            continue;
        }
        for (j = 0; j < p->slot_count; ++j) {
            const feature_slot *slot = &p->slots[j];
            double *sum = &slots[2 * j * cells];
            const double value = of[slot->measure];
            if (slot->span == k && x[OF_ABOVE * cells] == 0.0 && !isnan(value) &&
                (slot->spike == FEATURE_OF_ALL || (double)slot->spike == *count)) {
                sum[0] += value;
                sum[cells] += 1.0;
            }
        }
        *count += 1.0;
    }
}

/* The peak was a row before n: seek where the spike began, and where it crosses its half. */
HH_INLINE void feature_find_begin(const feature_plan *p, double *x, int64_t cells,
                                  const feature_rows *V, int64_t n)
{
    const double begin = x[OF_BEGIN_ROW * cells], since = (double)(n - 1) - begin;
    const int found = x[OF_BEGIN_V * cells] > -INFINITY && since > 0.0 &&
                      since <= (double)p->s.lookback;
    double half;
    int64_t r = n - 2;
    x[OF_START * cells] = found ? x[OF_BEGIN_V * cells] : NAN;
    if (!found || !p->s.widths) {
        return;
    }
    half = (x[OF_START * cells] + x[OF_PEAK * cells]) / 2.0;
    while ((double)r > begin && !(feature_V(V, r) < half)) {
        --r;
    }
    x[OF_HALF * cells] = half;
    x[OF_RISE * cells] = feature_crossing(V, r, half);
}

/* Take row n of a cell at which something may happen; `fast` says that V rises fast in the three
   rows before, and not in that before these. */
HH_COLD void feature_event(const feature_plan *p, double *x, int64_t cells, const feature_rows *V,
                           int64_t n, int fast)
{
    const double threshold = p->s.threshold, now = feature_V(V, n);
    if (fast && n >= FEATURE_HISTORY && (double)(n - 3) >= x[OF_EARLIEST * cells]) {
        const double begin = feature_V(V, n - 3);
        if (!(feature_V(V, n - 2) < begin) && !(feature_V(V, n - 1) < begin)) {
            x[OF_BEGIN_V * cells] = begin;
            x[OF_BEGIN_ROW * cells] = (double)(n - 3);
        }
    }
    if (x[OF_ABOVE * cells] == 1.0) {
        if (now > x[OF_PEAK * cells]) {
            x[OF_PEAK * cells] = x[OF_LOWEST * cells] = now;
            x[OF_PEAK_ROW * cells] = (double)n;
            x[OF_HALF * cells] = -INFINITY;
            x[OF_FALL * cells] = NAN;
        } else if (x[OF_PEAK_ROW * cells] == (double)(n - 1)) {
            feature_find_begin(p, x, cells, V, n);
        }
        if (now < threshold) {
            x[OF_ABOVE * cells] = 0.0;
            x[OF_SEEKING * cells] = 1.0;
            x[OF_EARLIEST * cells] = (double)n;
            x[OF_BEGIN_V * cells] = -INFINITY;
        }
    } else if (feature_V(V, n - 1) < threshold && now >= threshold) {
        feature_count(p, x, cells, n, 0, now);
        x[OF_ABOVE * cells] = 1.0;
        x[OF_SEEKING * cells] = 0.0;
        x[OF_TIME * cells] = (feature_crossing(V, n - 1, threshold) + 1.0) * p->s.dt;
        x[OF_PEAK * cells] = x[OF_LOWEST * cells] = now;
        x[OF_PEAK_ROW * cells] = (double)n;
        x[OF_HALF * cells] = -INFINITY;
        x[OF_START * cells] = x[OF_RISE * cells] = x[OF_FALL * cells] = x[OF_AHP * cells] = NAN;
    }
    if (now < x[OF_HALF * cells]) {
        x[OF_FALL * cells] = feature_crossing(V, n - 1, x[OF_HALF * cells]);
        x[OF_HALF * cells] = -INFINITY;
    }
    if (now < x[OF_BEGIN_V * cells]) {
        x[OF_BEGIN_V * cells] = -INFINITY;
    }
    if (x[OF_SEEKING * cells] == 1.0 && (double)(n - 2) >= x[OF_EARLIEST * cells] &&
        feature_V(V, n - 1) >= feature_V(V, n - 2) && now >= feature_V(V, n - 2)) {
        x[OF_AHP * cells] = feature_V(V, n - 2);
        x[OF_SEEKING * cells] = 0.0;
    }
}

#include "of_one.h"
#include "feature_rows.h"
#include "of_cells.h"
#include "feature_rows.h"

#endif
