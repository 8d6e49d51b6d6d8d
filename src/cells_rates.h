/* The rates of eight cells, from tables (rate_table.h): of V, and of the concentrations of pools.

   A row of the table is evaluated for each cell, with its gates as lanes, and the rates of eight
   cells are transposed. */
#ifndef PYHH_FAST_CELLS_RATES_H
#define PYHH_FAST_CELLS_RATES_H

#include "cells_membrane.h"

/* Where eight V are in the table, as rate_table_find. */
typedef struct {
    uint64_t row[CELLS]; /* in the low 32 bits */
    double r[CELLS], r2[CELLS], r4[CELLS];
} cells_position;

HH_INLINE cells_position cells_find(cells V, double inverse_width, double first)
{
    const double from = 6755399441055744.0 - first;
    const cells rounder = cells_all(from), scale = cells_all(inverse_width);
    const cells shifted = cells_fma(V, scale, rounder);
    const cells r = cells_fma(V, scale, cells_sub(rounder, shifted)), r2 = cells_mul(r, r);
    double sum[CELLS];
    cells_position place;
    cells_store(sum, shifted);
    memcpy(place.row, sum, sizeof sum);
    cells_store(place.r, r);
    cells_store(place.r2, r2);
    cells_store(place.r4, cells_mul(r2, r2));
    return place;
}

/* The rates of the four gates of a vector, of each cell by its row. */
#ifdef HH_LANES_AVX512

HH_INLINE void cells_rows(const double *rows, size_t stride, const cells_position *place,
                          cells_gate_rates *rates)
{
    __m512d z[CELLS], pair[CELLS], quad[CELLS];
    int i;
    for (i = 0; i < CELLS; ++i) {
        const double *row = rows + (uint32_t)place->row[i] * stride;
        const __m512d x = _mm512_set1_pd(place->r[i]);
        const __m512d c01 = _mm512_fmadd_pd(_mm512_loadu_pd(row + 8), x, _mm512_loadu_pd(row));
        const __m512d c23 =
            _mm512_fmadd_pd(_mm512_loadu_pd(row + 24), x, _mm512_loadu_pd(row + 16));
        const __m512d c45 =
            _mm512_fmadd_pd(_mm512_loadu_pd(row + 40), x, _mm512_loadu_pd(row + 32));
        const __m512d low = _mm512_fmadd_pd(c23, _mm512_set1_pd(place->r2[i]), c01);
        z[i] = _mm512_fmadd_pd(c45, _mm512_set1_pd(place->r4[i]), low);
    }
    for (i = 0; i < CELLS; i += 2) {
        pair[i] = _mm512_unpacklo_pd(z[i], z[i + 1]);
        pair[i + 1] = _mm512_unpackhi_pd(z[i], z[i + 1]);
    }
    for (i = 0; i < CELLS; i += 4) { /* lanes 0 and 4, 2 and 6; then 1 and 5, 3 and 7 */
        quad[i] = _mm512_shuffle_f64x2(pair[i], pair[i + 2], 0x88);
        quad[i + 1] = _mm512_shuffle_f64x2(pair[i], pair[i + 2], 0xdd);
        quad[i + 2] = _mm512_shuffle_f64x2(pair[i + 1], pair[i + 3], 0x88);
        quad[i + 3] = _mm512_shuffle_f64x2(pair[i + 1], pair[i + 3], 0xdd);
    }
    rates[0].alpha = _mm512_shuffle_f64x2(quad[0], quad[4], 0x88);
    rates[0].alpha_plus_beta = _mm512_shuffle_f64x2(quad[0], quad[4], 0xdd);
    rates[2].alpha = _mm512_shuffle_f64x2(quad[1], quad[5], 0x88);
    rates[2].alpha_plus_beta = _mm512_shuffle_f64x2(quad[1], quad[5], 0xdd);
    rates[1].alpha = _mm512_shuffle_f64x2(quad[2], quad[6], 0x88);
    rates[1].alpha_plus_beta = _mm512_shuffle_f64x2(quad[2], quad[6], 0xdd);
    rates[3].alpha = _mm512_shuffle_f64x2(quad[3], quad[7], 0x88);
    rates[3].alpha_plus_beta = _mm512_shuffle_f64x2(quad[3], quad[7], 0xdd);
}

#elif defined(HH_LANES_AVX2)

/* Four cells' lanes to four gates' cells. */
HH_INLINE void cells_transpose_four(const __m256d *z, __m256d *of_gate)
{
    const __m256d low = _mm256_unpacklo_pd(z[0], z[1]), high = _mm256_unpackhi_pd(z[0], z[1]);
    const __m256d low2 = _mm256_unpacklo_pd(z[2], z[3]), high2 = _mm256_unpackhi_pd(z[2], z[3]);
    of_gate[0] = _mm256_permute2f128_pd(low, low2, 0x20);
    of_gate[1] = _mm256_permute2f128_pd(high, high2, 0x20);
    of_gate[2] = _mm256_permute2f128_pd(low, low2, 0x31);
    of_gate[3] = _mm256_permute2f128_pd(high, high2, 0x31);
}

HH_INLINE void cells_rows(const double *rows, size_t stride, const cells_position *place,
                          cells_gate_rates *rates)
{
    __m256d alpha[CELLS], alpha_plus_beta[CELLS], alphas[8], sums[8];
    int i, g;
    for (i = 0; i < CELLS; ++i) {
        const gate_rates r = rate_table_at(rows + (uint32_t)place->row[i] * stride, place->r[i]);
        alpha[i] = r.alpha;
        alpha_plus_beta[i] = r.alpha_plus_beta;
    }
    for (i = 0; i < 2; ++i) {
        cells_transpose_four(alpha + 4 * i, alphas + 4 * i);
        cells_transpose_four(alpha_plus_beta + 4 * i, sums + 4 * i);
    }
    for (g = 0; g < 4; ++g) {
        const cells_gate_rates of_gate = {{alphas[g], alphas[4 + g]}, {sums[g], sums[4 + g]}};
        rates[g] = of_gate;
    }
}

#else

HH_INLINE void cells_rows(const double *rows, size_t stride, const cells_position *place,
                          cells_gate_rates *rates)
{
    int i, g;
    for (i = 0; i < CELLS; ++i) {
        const gate_rates r = rate_table_at(rows + (uint32_t)place->row[i] * stride, place->r[i]);
        for (g = 0; g < 4; ++g) {
            rates[g].alpha.of[i] = r.alpha.lane[g];
            rates[g].alpha_plus_beta.of[i] = r.alpha_plus_beta.lane[g];
        }
    }
}

#endif

/* Note which cells are outside the table at V: their rates here are those of its end. */
HH_COLD void cells_note_outside(cells_outside *outside, unsigned inside, cells V)
{
    double at[CELLS];
    int i;
    cells_store(at, V);
    for (i = 0; i < CELLS; ++i) {
        const unsigned bit = 1u << i;
        if (!(inside & bit) && !(outside->cells & bit)) {
            outside->V[i] = at[i]; /* the first, of several stages */
            outside->cells |= bit;
        }
    }
}

/* phi1 for the speeds that cells have of their own; the table has it for the others. */
HH_INLINE cells cells_phi1_of_gate(cells alpha_plus_beta_dt)
{
    double of[CELLS], phi1[CELLS];
    int beyond = 0, i;
    cells_store(of, alpha_plus_beta_dt);
    for (i = 0; i < CELLS; ++i) {
        phi1[i] = hh_phi1_polynomial(-of[i]);
        beyond |= !(of[i] <= HH_PHI1_RANGE);
    }
    if (!HH_LIKELY(!beyond)) {
        for (i = 0; i < CELLS; ++i) {
            phi1[i] = of[i] <= HH_PHI1_RANGE ? phi1[i] : hh_phi1(-of[i]);
        }
    }
    return cells_load(phi1);
}

/* Multiply rates by the speeds that are each cell's own; of exponential Euler by phi1 as well. */
HH_INLINE void cells_apply_speeds(int gates, const cells_shape *s, const cells_neuron_model *m,
                                  cells_gate_rates *r)
{
    int g;
    for (g = 0; g < gates; ++g) {
        if (s->has_speed[g]) {
            cells factor = m->speed[g];
            if (m->exponential) {
                factor = cells_mul(factor,
                                   cells_phi1_of_gate(cells_mul(r[g].alpha_plus_beta, factor)));
            }
            r[g].alpha = cells_mul(r[g].alpha, factor);
            r[g].alpha_plus_beta = cells_mul(r[g].alpha_plus_beta, factor);
        }
    }
}

/* As rate_source_factors; without rates where `r` is NULL. */
HH_INLINE void cells_factors(int pools, const cells_shape *s, const rate_source *source,
                             const cells_membrane_state *y, cells_gate_rates *r, cells *ln_Ca)
{
    const size_t size = RATE_TABLE_POWERS * RATE_TABLE_LANES;
    int p, i, j, g, v;
    for (p = 0; p < pools; ++p) {
        const pool_table *t = &source->pools[p];
        cells_position place;
        rate_table_position one[CELLS];
        double Ca[CELLS];
        int inside = 1;
        cells_store(Ca, cells_of_pool(s, y, p));
        for (i = 0; i < CELLS; ++i) {
            inside &= pool_table_find(t, Ca[i], &one[i]);
            place.row[i] = one[i].row;
            place.r[i] = one[i].r;
        }
        if (!HH_LIKELY(inside)) {
            for (i = 0; i < CELLS; ++i) {
                place.r[i] = pool_table_find(t, Ca[i], &one[i]) ? place.r[i] : NAN;
            }
        }
        for (i = 0; i < CELLS; ++i) {
            place.r2[i] = place.r[i] * place.r[i];
            place.r4[i] = place.r2[i] * place.r2[i];
        }
        ln_Ca[p] = cells_all(0.0);
        for (v = 0, j = 0; v < s->rows; ++v) {
            cells_gate_rates factors[4];
            if (!s->is_factored[p * MEMBRANE_VECTORS + v]) {
                continue;
            }
            cells_rows(t->rows + (size_t)j * size, size * (size_t)s->factored[p], &place, factors);
            ++j;
            if (v == 0) {
                ln_Ca[p] = factors[3].alpha;
            }
            for (g = 0; g < 4 && r; ++g) {
                const int64_t gate = s->gate_of_lane[4 * v + g];
                if (gate >= 0) {
                    r[gate].alpha = cells_mul(r[gate].alpha, factors[g].alpha);
                    r[gate].alpha_plus_beta =
                        cells_mul(r[gate].alpha_plus_beta, factors[g].alpha_plus_beta);
                }
            }
        }
    }
}

/* Whether rates of instantaneous gates at the end of the last step are those of this state. */
HH_INLINE int cells_are_latest(int pools, const cells_shape *s, const cells_neuron_model *m,
                               const cells_membrane_state *y)
{
    unsigned same = cells_same(y->V, m->latest->V);
    int p;
    for (p = 0; p < pools; ++p) {
        same &= cells_same(cells_of_pool(s, y, p), m->latest->Ca[p]);
    }
    return same == 0xff;
}

HH_INLINE void cells_keep_latest(int pools, const cells_shape *s, const cells_neuron_model *m,
                                 const cells_membrane_state *y)
{
    int p;
    m->latest->V = y->V;
    for (p = 0; p < pools; ++p) {
        m->latest->Ca[p] = cells_of_pool(s, y, p);
    }
}

HH_INLINE int cells_neuron_find_rates(int gates, int pools, const cells_shape *s,
                                      const cells_neuron_model *m, const cells_membrane_state *y,
                                      cells_found_rates *at)
{
    const rate_source *source = m->rates;
    const size_t row = RATE_TABLE_POWERS * RATE_TABLE_LANES, stride = row * (size_t)s->rows;
    const cells V = y->V;
    cells_gate_rates *r = at->r;
    const cells low = cells_all(source->low), high = cells_all(source->high);
    const unsigned inside = cells_below(low, V) & cells_below(V, high);
    const cells clipped = cells_clip(V, low, high);
    cells_position place;
    int v, g;
    if (s->instantaneous && cells_are_latest(pools, s, m, y)) {
        for (g = 0; g < gates; ++g) {
            r[g] = m->latest->at.r[g];
        }
        for (g = 0; pools && s->nernst && g < s->channels; ++g) {
            at->E[g] = m->latest->at.E[g];
        }
        for (g = 0; g < pools; ++g) {
            at->ln_Ca[g] = m->latest->at.ln_Ca[g];
        }
        return 1;
    }
    for (g = gates - pools; g < gates; ++g) {
        r[g].alpha = r[g].alpha_plus_beta = cells_all(0.0);
    }
    if (!HH_LIKELY(inside == 0xff)) {
        cells_note_outside(m->outside, inside, V);
    }
    for (v = 0; v < s->rows; ++v) {
        cells_gate_rates rates[4];
        if (s->shifted) {
            place = cells_find(cells_sub(clipped, m->shift[v]), source->inverse_width,
                               source->first);
        } else if (v == 0) {
            place = cells_find(clipped, source->inverse_width, source->first);
        }
        cells_rows(source->rows + (size_t)v * row, stride, &place, rates);
        for (g = 0; g < 4; ++g) {
            const int64_t gate = s->gate_of_lane[4 * v + g];
            if (gate >= 0) {
                r[gate] = rates[g];
            }
        }
    }
    if (pools) {
        cells_factors(pools, s, source, y, r, at->ln_Ca);
        if (s->nernst) {
            cells_membrane_reversals(pools, s, &m->scaled, at->ln_Ca, at->E);
        }
    }
    if (s->speeds) {
        cells_apply_speeds(gates, s, m, r);
    }
    return 1;
}

HH_INLINE int cells_neuron_settle(int gates, int pools, const cells_shape *s,
                                  const cells_neuron_model *m, cells_membrane_state *y,
                                  cells_found_rates *at)
{
    cells_neuron_find_rates(gates, pools, s, m, y, at);
    if (s->instantaneous) {
        cells_membrane_settle(gates, s, at->r, y);
    }
    return 1;
}

#endif
