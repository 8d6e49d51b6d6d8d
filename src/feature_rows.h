/* Taking rows of V: included by trace_features.h for one cell, and for eight side by side. */

/* The moments of each window in one pass: Terriberry, after Pebay, "Formulas for robust, one-pass
   parallel computation of covariances and arbitrary-order statistical moments" (2008), eq. 1.1. */
HH_INLINE void OF(feature_take_window)(const feature_window *w, double *x, const feature_rows *V,
                                       int64_t n, int64_t past)
{
    REAL mean = OP(load)(x + OF_MEAN * CELLS_OF_REAL), M2 = OP(load)(x + OF_M2 * CELLS_OF_REAL);
    REAL M3 = OP(load)(x + OF_M3 * CELLS_OF_REAL), M4 = OP(load)(x + OF_M4 * CELLS_OF_REAL);
    REAL low = OP(load)(x + OF_MIN * CELLS_OF_REAL), high = OP(load)(x + OF_MAX * CELLS_OF_REAL);
    n = n > w->first ? n : w->first;
    past = past < w->past ? past : w->past;
    for (; n < past; ++n) {
        const double count = (double)(n - w->first + 1);
        const REAL at = OP(load)(V->data + (n & V->mask) * V->stride);
        const REAL from_mean = OP(sub)(at, mean);
        const REAL part = OP(mul)(from_mean, OP(all)(1.0 / count));
        const REAL square = OP(mul)(part, part);
        const REAL term = OP(mul)(OP(mul)(from_mean, part), OP(all)(count - 1.0));
        const REAL of_M4 = OP(mul)(OP(mul)(term, square),
                                   OP(all)(count * count - 3.0 * count + 3.0));
        const REAL from_M2 = OP(mul)(OP(mul)(OP(all)(6.0), square), M2);
        const REAL from_M3 = OP(mul)(OP(mul)(OP(all)(4.0), part), M3);
        const REAL of_M3 = OP(mul)(OP(mul)(term, part), OP(all)(count - 2.0));
        M4 = OP(add)(M4, OP(sub)(OP(add)(of_M4, from_M2), from_M3));
        M3 = OP(add)(M3, OP(sub)(of_M3, OP(mul)(OP(mul)(OP(all)(3.0), part), M2)));
        M2 = OP(add)(M2, term);
        mean = OP(add)(mean, part);
        low = OP(min)(at, low);
        high = OP(max)(at, high);
    }
    OP(store)(x + OF_MEAN * CELLS_OF_REAL, mean);
    OP(store)(x + OF_M2 * CELLS_OF_REAL, M2);
    OP(store)(x + OF_M3 * CELLS_OF_REAL, M3);
    OP(store)(x + OF_M4 * CELLS_OF_REAL, M4);
    OP(store)(x + OF_MIN * CELLS_OF_REAL, low);
    OP(store)(x + OF_MAX * CELLS_OF_REAL, high);
}

/* Which cells have a 1 there. */
HH_INLINE unsigned OF(feature_flags)(const double *x, int number)
{
    return OP(below)(OP(all)(0.5), OP(load)(x + number * CELLS_OF_REAL));
}

/* Spikes: rows at which nothing can happen are passed over for all cells at once. */
HH_INLINE void OF(feature_take_spikes)(const feature_plan *p, double *x, const feature_rows *V,
                                       int64_t n, int64_t past)
{
    /* At or above a number: above the one before it. */
    const REAL threshold = OP(all)(nextafter(p->s.threshold, -INFINITY));
    const REAL rise = OP(all)(nextafter(2.0 * p->s.dt * p->s.slope, -INFINITY));
    unsigned fast[3], above = OF(feature_flags)(x, OF_ABOVE);
    unsigned seeking = OF(feature_flags)(x, OF_SEEKING);
    REAL before[5], lowest = OP(load)(x + OF_LOWEST * CELLS_OF_REAL);
    int i;
    for (i = 0; i < 5; ++i) {
        before[i] = OP(load)(V->data + ((n - 1 - i) & V->mask) * V->stride);
    }
    for (i = 0; i < 3; ++i) {
        fast[i] = OP(below)(rise, OP(sub)(before[i], before[i + 2]));
    }
    for (; n < past; ++n) {
        const REAL now = OP(load)(V->data + (n & V->mask) * V->stride);
        const unsigned fast_now = OP(below)(rise, OP(sub)(now, before[1]));
        const unsigned begins = fast_now & fast[0] & fast[1] & ~fast[2];
        const unsigned events =
            begins | above | OP(below)(threshold, now) |
            OP(below)(now, OP(load)(x + OF_BEGIN_V * CELLS_OF_REAL)) |
            OP(below)(now, OP(load)(x + OF_HALF * CELLS_OF_REAL)) |
            (seeking & ~OP(below)(before[0], before[1]) & ~OP(below)(now, before[1]));
        int64_t k;
        if (events) {
            OP(store)(x + OF_LOWEST * CELLS_OF_REAL, lowest);
            for (i = 0; i < CELLS_OF_REAL; ++i) {
                if (events >> i & 1) {
                    const feature_rows of_cell = {V->data + i, V->mask, V->stride};
                    feature_event(p, x + i, CELLS_OF_REAL, &of_cell, n, begins >> i & 1);
                }
            }
            above = OF(feature_flags)(x, OF_ABOVE);
            seeking = OF(feature_flags)(x, OF_SEEKING);
            lowest = OP(load)(x + OF_LOWEST * CELLS_OF_REAL);
        }
        for (k = 0; k < p->span_count; ++k) {
            if (p->spans[k].past == n + 1) {
                OP(store)(x + OF_LOWEST * CELLS_OF_REAL, lowest);
                for (i = 0; i < CELLS_OF_REAL; ++i) {
                    const feature_rows of_cell = {V->data + i, V->mask, V->stride};
                    feature_count(p, x + i, CELLS_OF_REAL, n, 1, feature_V(&of_cell, n));
                }
                break; /* that was for all spans which end here */
            }
        }
        lowest = OP(min)(now, lowest);
        before[1] = before[0];
        before[0] = now;
        fast[2] = fast[1];
        fast[1] = fast[0];
        fast[0] = fast_now;
    }
    OP(store)(x + OF_LOWEST * CELLS_OF_REAL, lowest);
}

/* Take rows n to `past`, excluded, at most FEATURE_ROWS; `history` rows before are known. */
HH_INLINE void OF(feature_take)(const feature_plan *p, double *x, const feature_rows *V, int64_t n,
                                int64_t past)
{
    int64_t k, last = 0;
    for (k = 0; k < p->window_count; ++k) {
        if (n < p->windows[k].past && p->windows[k].first < past) {
            OF(feature_take_window)(&p->windows[k],
                                    x + (OF_SPIKE + OF_WINDOW * k) * CELLS_OF_REAL, V, n, past);
        }
    }
    for (k = 0; k < p->span_count; ++k) {
        last = p->spans[k].past > last ? p->spans[k].past : last;
    }
    if (n < last) {
        OF(feature_take_spikes)(p, x, V, n, past < last ? past : last);
    }
}
