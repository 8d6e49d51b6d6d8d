/* The compiled headers without Python, so that they run where Python does not: on another CPU,
   under an emulator. Reads doubles from stdin, writes doubles to stdout; test_arm64.py compares
   them with what the package gives.

       rates                                           V...    the six rates at each V, as hh_rates
       rows   first, number, width                             the rows of the table
       table  first, number, width                     V...    alpha and beta of m, h, n, from it
       run    first, number, width, method, dt, parameters, V, m, h, n, I...
                                                               seven traces, step by step
       cross  n, b... n, b...                                  how often, and where, the polynomial
                                                               with each b of n rises through 0
       block  method, dt, steps, (parameters, V, m, h, n, I)...
                                                               many cells: V, m, h, n of each
       solve  first, number, width, rtol, atol, threshold, duration, parameters, V, m, h, n, I
                                              adaptive, I constant: V, m, h, n, then spike times
       noise  seed, stream, first, count                       normal numbers of random words
       log    u...                                             log(u)
       sine   cycles...                                        sin(2 pi cycles)

   A run ends where V leaves the table or a number is not finite; that step is not written. */

#include <stdio.h>
#include <stdlib.h>

#include "adaptive.h"
#include "noise.h"
#include "population.h"
#include "waves.h"

/* fixed_step.pxi has this loop for the package, in Cython. */
static ending fixed_step_run(const fixed_step_settings *settings, hh_cell *cell, hh_parameters p,
                             rate_source rates_dt, input_buffer I, spike_buffer spikes,
                             output_buffers out, double *missing_V)
{
    const hh_method method = (hh_method)settings->method;
    const double dt = settings->dt, threshold = settings->threshold, dt_over_C_m = dt / p.C_m;
    hh_neuron now = hh_neuron_of(cell), after = now;
    double V_before = cell->V_before;
    int64_t found = cell->spikes, i;
    ending ended = LOOP_DONE;
    for (i = 0; i < I.count; ++i) {
        const double I_now = input_read(&I, i);
        if (!hh_step(method, now, &p, dt_over_C_m, &rates_dt, I_now, &after)) {
            *missing_V = after.y.V;
            ended = LOOP_RATES_MISSING;
            break;
        }
        if (!hh_is_finite(after.y)) {
            ended = LOOP_NOT_FINITE;
            break;
        }
        if (now.y.V < threshold && threshold <= after.y.V) {
            if (found >= spikes.capacity) {
                ended = LOOP_SPIKES_FULL;
                break;
            }
            spikes.times[found] =
                dt * ((double)(cell->step + i) +
                      hh_crossing(method, now, after, &p, dt_over_C_m, I_now, threshold));
            ++found;
        }
        V_before = now.y.V;
        now = after;
        hh_write(&out, i, &now);
    }
    hh_cell_put(cell, &now);
    cell->V_before = V_before;
    cell->step += i;
    cell->spikes = found;
    return ended;
}


#define ROW (RATE_TABLE_POWERS * RATE_TABLE_LANES)

static void give(const void *values, size_t size)
{
    if (fwrite(values, 1, size, stdout) != size) {
        exit(EXIT_FAILURE);
    }
}

static void *space_for(size_t doubles)
{
    void *space = calloc(doubles + 1, sizeof(double));
    if (space == NULL) {
        exit(EXIT_FAILURE);
    }
    return space;
}

static double *all_input(size_t *size)
{
    const size_t most = 1 << 20;
    double *values = space_for(most);
    *size = fread(values, sizeof *values, most, stdin);
    return values;
}

typedef struct {
    double first, number, width;
} table_shape;

/* The rows of the rates. */
static double *table_of(const table_shape *t)
{
    double *rows = space_for((size_t)t->number * ROW);
    int k, j, power, rate;
    for (k = 0; k < t->number; ++k) {
        double at_nodes[6][RATE_TABLE_POWERS], coefficients[RATE_TABLE_POWERS];
        for (j = 0; j < RATE_TABLE_POWERS; ++j) {
            const hh_rates r = hh_rates_at((t->first + k + rate_table_nodes[j]) * t->width);
            const double values[6] = {r.alpha_m, r.alpha_h, r.alpha_n,
                                      r.beta_m,  r.beta_h,  r.beta_n};
            for (rate = 0; rate < 6; ++rate) {
                at_nodes[rate][j] = values[rate];
            }
        }
        for (rate = 0; rate < 6; ++rate) {
            rate_table_fit_row(at_nodes[rate], coefficients);
            for (power = 0; power < RATE_TABLE_POWERS; ++power) {
                rows[k * ROW + power * RATE_TABLE_LANES + rate + rate / 3] = coefficients[power];
            }
        }
    }
    return rows;
}

/* Rows of alpha and alpha + beta times dt. */
static double *times(const double *rows, const table_shape *t, double dt)
{
    double *scaled = space_for((size_t)t->number * ROW);
    int i;
    for (i = 0; i < t->number * ROW; ++i) {
        scaled[i] = rows[i] * dt;
    }
    for (i = 0; i < t->number * ROW; ++i) {
        scaled[i] += i % RATE_TABLE_LANES < 4 ? 0.0 : scaled[i - 4];
    }
    return scaled;
}

/* The same over L, for exponential Euler. */
static double *relaxing(const double *rows, const table_shape *t, double dt)
{
    double *relaxed = space_for((size_t)t->number * ROW);
    int k, j, power, gate, part;
    for (k = 0; k < t->number; ++k) {
        for (gate = 0; gate < 3; ++gate) {
            double values[2][RATE_TABLE_POWERS], coefficients[RATE_TABLE_POWERS];
            for (j = 0; j < RATE_TABLE_POWERS; ++j) {
                const double V = (t->first + k + rate_table_nodes[j]) * t->width;
                const double r = rate_table_find(V, 1 / t->width, t->first).r;
                values[0][j] = dt * rate_table_plain(rows + k * ROW, gate, r);
                values[1][j] = dt * rate_table_plain(rows + k * ROW, gate + 4, r) + values[0][j];
                hh_exponential_rates(&values[0][j], &values[1][j]);
            }
            for (part = 0; part < 2; ++part) {
                rate_table_fit_row(values[part], coefficients);
                for (power = 0; power < RATE_TABLE_POWERS; ++power) {
                    relaxed[k * ROW + power * RATE_TABLE_LANES + gate + 4 * part] =
                        coefficients[power];
                }
            }
        }
    }
    return relaxed;
}

static void give_table_at(const table_shape *t, const double *rows, double V)
{
    const rate_table_position place = rate_table_find(V, 1 / t->width, t->first);
    const gate_rates r = rate_table_at(rows + place.row * ROW, place.r);
    const lanes alpha = r.alpha, sum = r.alpha_plus_beta;
    const double values[6] = {lane_m(alpha), lane_h(alpha), lane_n(alpha),
                              lane_m(sum),   lane_h(sum),   lane_n(sum)};
    give(values, sizeof values);
}

static rate_source source_of(const table_shape *t, const double *rows)
{
    const rate_source source = {
        .rows = rows,
        .first = t->first,
        .count = (int64_t)t->number,
        .inverse_width = 1 / t->width,
        .low = t->first * t->width,
        .high = (t->first + t->number - 1) * t->width,
    };
    return source;
}

typedef struct {
    double method, dt;
    hh_parameters p;
    double V, m, h, n;
} start;

static void run(const table_shape *t, const start *s, const double *I, size_t steps)
{
    const fixed_step_settings settings = {(int64_t)s->method, s->dt, INFINITY};
    const double *table = table_of(t);
    const rate_source rates =
        source_of(t, settings.method == HH_EXPONENTIAL_EULER ? relaxing(table, t, s->dt)
                                                             : times(table, t, s->dt));
    const input_buffer stimulus = {(const char *)I, sizeof *I, (int64_t)steps};
    const spike_buffer spikes = {NULL, 0};
    hh_cell cell = {.V = s->V, .m = s->m, .h = s->h, .n = s->n};
    double *traces = space_for(HH_VARIABLES * steps), missing_V;
    output_buffers out;
    int v;
    for (v = 0; v < HH_VARIABLES; ++v) {
        out.of[v].data = (char *)(traces + v);
        out.of[v].stride = HH_VARIABLES * sizeof *traces;
    }
    fixed_step_run(&settings, &cell, s->p, rates, stimulus, spikes, out, &missing_V);
    give(traces, HH_VARIABLES * (size_t)cell.step * sizeof *traces);
}

typedef struct {
    double rtol, atol, threshold, duration;
    hh_parameters p;
    double V, m, h, n, I;
} problem;

/* Rows of half the duration, so that the solver chooses its own steps. */
static void solve(const table_shape *t, const problem *given)
{
    enum { ROWS = 2 };
    const adaptive_settings settings = {
        .dt = given->duration / ROWS,
        .rtol = given->rtol,
        .atol = given->atol,
        .threshold = given->threshold,
        .restart_every = ROWS,
        .max_attempts = INT64_MAX,
    };
    const input_buffer I = {(const char *)&given->I, 0, ROWS};
    const spike_buffer spikes = {space_for(1000), 1000};
    const rate_source rates = source_of(t, times(table_of(t), t, 1.0));
    const output_buffers nothing = {{{NULL, 0}}};
    adaptive_run at = {.V = given->V, .m = given->m, .h = given->h, .n = given->n};
    hh_cell cell = {.V = given->V, .m = given->m, .h = given->h, .n = given->n};
    double missing_V;
    adaptive_solve(&cell, &at, given->p, rates, &settings, I, INT64_MAX, spikes, 0, nothing,
                   &missing_V);
    const double end[4] = {at.V, at.m, at.h, at.n};
    give(end, sizeof end);
    give(spikes.times, (size_t)cell.spikes * sizeof *spikes.times);
}

/* One of many cells, with its current. */
typedef struct {
    hh_parameters p;
    hh_point y;
    double I;
} member;

static void run_cells(double method, double dt, size_t steps, const member *members, size_t count)
{
    const population_settings settings = {
        .method = (int64_t)method,
        .built_in = 1,
        .block_size = HH_BLOCK,
        .dt = dt,
        .threshold = INFINITY,
    };
    const population_stimulus stimulus = {(const char *)&members->I, sizeof *members, 0,
                                          (int64_t)steps};
    const population_samples nothing = {.every = 1};
    const rate_source rates = {0};
    hh_parameters *parameters = space_for(count * sizeof *parameters / sizeof(double));
    hh_point *before = space_for(count * sizeof *before / sizeof(double));
    hh_point *after = space_for(count * sizeof *after / sizeof(double));
    const population_cells cells = {parameters, before, after, space_for(count)};
    population_spikes spikes = {NULL, 0, 0};
    double missing_V;
    size_t c;
    for (c = 0; c < count; ++c) {
        parameters[c] = members[c].p;
        before[c] = members[c].y;
    }
    population_run(&settings, &cells, rates, &stimulus, 0, 0, (int64_t)count, &spikes, &nothing,
                   &missing_V);
    give(after, count * sizeof *after);
}

/* Of up to NOISE_BLOCK words. */
static void run_noise(noise_key key, int64_t first, int64_t count)
{
    uint64_t words[NOISE_BLOCK];
    double normals[NOISE_BLOCK];
    noise_words(key, first, count, words);
    noise_normals(words, count, normals);
    give(normals, (size_t)count * sizeof *normals);
}

int main(int arguments, char **argument)
{
    const char *what = arguments == 2 ? argument[1] : "";
    size_t size, i;
    const double *in = all_input(&size);
    const table_shape *t = (const table_shape *)in;
    const size_t after_table = sizeof *t / sizeof *in;
    const size_t after_start = after_table + sizeof(start) / sizeof *in;
    if (strcmp(what, "rates") == 0) {
        for (i = 0; i < size; ++i) {
            const hh_rates rates = hh_rates_at(in[i]);
            give(&rates, sizeof rates);
        }
    } else if (strcmp(what, "rows") == 0) {
        give(table_of(t), (size_t)t->number * ROW * sizeof(double));
    } else if (strcmp(what, "table") == 0) {
        const double *rows = table_of(t);
        for (i = after_table; i < size; ++i) {
            give_table_at(t, rows, in[i]);
        }
    } else if (strcmp(what, "run") == 0 && size >= after_start) {
        run(t, (const start *)(in + after_table), in + after_start, size - after_start);
    } else if (strcmp(what, "block") == 0) {
        run_cells(in[0], in[1], (size_t)in[2], (const member *)(in + 3),
                  (size - 3) * sizeof *in / sizeof(member));
    } else if (strcmp(what, "cross") == 0) {
        for (i = 0; i < size; i += 1 + (size_t)in[i]) {
            double at[CROSSINGS_MAX + 1];
            const int found = crossings_upward(in + i + 1, (int)in[i] - 1, at + 1);
            at[0] = found;
            give(at, (1 + (size_t)found) * sizeof *at);
        }
    } else if (strcmp(what, "solve") == 0) {
        solve(t, (const problem *)(in + after_table));
    } else if (strcmp(what, "noise") == 0) {
        const noise_key key = {(uint64_t)in[0], (uint64_t)in[1]};
        run_noise(key, (int64_t)in[2], (int64_t)in[3]);
    } else if (strcmp(what, "log") == 0 || strcmp(what, "sine") == 0) {
        for (i = 0; i < size; ++i) {
            const double y = what[0] == 'l' ? noise_log(in[i]) : wave_sine(in[i]);
            give(&y, sizeof y);
        }
    } else {
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
