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
       neuron neuron_problem, I..., rows...                    all traces, step by step
       cells  cells_problem, member..., rows...                what the last step records of each,
                                                               when it diverged; (cell, spike)...
       solve  first, number, width, rtol, atol, threshold, duration, parameters, V, m, h, n, I
                                              adaptive, I constant: V, m, h, n, then spike times
       noise  seed, stream, first, count                       normal numbers of random words
       log    u...                                             log(u)
       sine   cycles...                                        sin(2 pi cycles)

   Structs are given as the package has them, whatever the types of their fields: all have 8 bytes.
   A run ends where V leaves the table or a number is not finite; that step is not written. */

#include "adaptive.h"
#include "neuron_runs.h"
#include "noise.h"
#include "waves.h"

#define ROW (RATE_TABLE_POWERS * RATE_TABLE_LANES)

static double *all_input(size_t *size)
{
    const size_t most = 1 << 21;
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
                exponential_rates(&values[0][j], &values[1][j]);
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
    double values[8];
    lanes_store(values, alpha);
    lanes_store(values + 3, sum);
    give(values, 6 * sizeof *values);
}

static rate_source source_of(const table_shape *t, const double *rows)
{
    const rows_given given = {t->number, t->first, 1 / t->width, t->first * t->width,
                              (t->first + t->number - 1) * t->width, {0}, {0}, {0}};
    return source_given(&given, &hh_shape, rows);
}

typedef struct {
    double method, dt;
    hh_parameters p;
    double V, m, h, n;
} start;

static neuron neuron_at(double V, double m, double h, double n)
{
    neuron at = {.y.V = V};
    at.y.x[0] = lanes_of(m, h, n, 0.0);
    return at;
}

static void run(const table_shape *t, const start *s, const double *I, size_t steps)
{
    const fixed_method method = (fixed_method)s->method;
    const double *table = table_of(t);
    const rate_source rates = source_of(t, method == METHOD_EXPONENTIAL_EULER
                                               ? relaxing(table, t, s->dt)
                                               : times(table, t, s->dt));
    double *traces = space_for(HH_VARIABLES * steps);
    const output_buffers out = rows_of(traces, HH_VARIABLES);
    membrane_parameters p;
    int64_t made;
    hh_membrane(&s->p, &p);
    made = fixed_step_run(method, s->dt, &hh_shape, &p, &rates, neuron_at(s->V, s->m, s->h, s->n),
                          I, steps, &out);
    give(traces, HH_VARIABLES * (size_t)made * sizeof *traces);
}

typedef struct {
    double rtol, atol, threshold, duration;
    hh_parameters p;
    double V, m, h, n, I;
} problem;

/* One segment, on which the solver chooses its own steps. */
static void solve(const table_shape *t, const problem *given)
{
    const adaptive_settings settings = {
        .dt = given->duration,
        .rtol = given->rtol,
        .atol = given->atol,
        .threshold = given->threshold,
        .restart_every = 1,
    };
    const input_buffer I = {(const char *)&given->I, 0, 1}, G = {0};
    const rate_source rates = source_of(t, times(table_of(t), t, 1.0));
    neuron_record record = {.V = given->V, .x = {given->m, given->h, given->n}};
    adaptive_run begin = {.V = given->V, .x = {given->m, given->h, given->n}};
    double *spikes = space_for(1000), missing_V, log_err;
    int64_t found = 0;
    membrane_parameters p;
    neuron_model model;
    adaptive_solver s;
    hh_membrane(&given->p, &p);
    model = neuron_model_of(&hh_shape, &p, &rates, 1.0, 0);
    adaptive_load(1, &hh_shape, &model, &settings, &record, &begin, &s);
    s.every_row = 0;
    adaptive_begin_segment(&s, I, G);
    if (!adaptive_begin_slope(1, &hh_shape, &s, &missing_V)) {
        exit(EXIT_FAILURE);
    }
    while (s.run.elapsed < given->duration) {
        const double remaining = given->duration - s.run.elapsed;
        const int cut = s.run.step_size * 1.01 >= remaining;
        int accepted;
        s.step.h = cut ? remaining : s.run.step_size;
        if (!adaptive_attempt(1, &hh_shape, &s, &accepted, &log_err, &missing_V)) {
            exit(EXIT_FAILURE);
        }
        if (!accepted) {
            adaptive_reject(&s.run, s.step.h, log_err);
            continue;
        }
        dop853_interpolate(1, &s.step);
        found += adaptive_find_spikes(&s, spikes + found);
        adaptive_accept(&s.run, s.step.h, log_err, cut);
        s.run.elapsed = cut ? given->duration : s.run.elapsed + s.step.h;
        adaptive_advance(1, &s);
    }
    adaptive_store(1, &hh_shape, &s, found, &record, &begin);
    give(&begin.V, sizeof begin.V);
    give(begin.x, 3 * sizeof *begin.x);
    give(spikes, (size_t)found * sizeof *spikes);
}

/* Of up to NOISE_BLOCK words. */
static void run_noise(noise_key key, int64_t first, int64_t count)
{
    uint64_t words[NOISE_BLOCK];
    double normals[NOISE_BLOCK];
    noise_words(key, first, count, words);
    noise_normals(words, count, normals, 0);
    give(normals, (size_t)count * sizeof *normals);
}

int main(int arguments, char **argument)
{
    const char *what = arguments == 2 ? argument[1] : "";
    size_t size, i;
    double *in = all_input(&size);
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
    } else if (strcmp(what, "neuron") == 0) {
        run_neuron((neuron_problem *)in, in + sizeof(neuron_problem) / sizeof *in);
    } else if (strcmp(what, "cells") == 0) {
        run_cells((cells_problem *)in,
                  (const member *)(in + sizeof(cells_problem) / sizeof *in));
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
        const noise_key key = {(uint64_t)in[0], (uint64_t)in[1], 0};
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
