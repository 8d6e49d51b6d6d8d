/* The compiled headers without Python, so that they run where Python does not: on another CPU,
   under an emulator. Reads doubles from stdin, writes doubles to stdout; test_arm64.py compares
   them with what the package gives.

       rates                                           V...    the six rates at each V, as hh_rates
       rows   first, number, width                             the rows of the table
       table  first, number, width                     V...    alpha and beta of m, h, n, from it
       run    first, number, width, dt, parameters, V, m, h, n, I...
                                                               seven traces, step by step

   A run ends where V leaves the table or a number is not finite; that step is not written. */

#include <stdio.h>
#include <stdlib.h>

#include "hh_euler.h"

#define ROW (RATE_TABLE_POWERS * RATE_TABLE_LANES)

static void give(const void *values, size_t size)
{
    if (fwrite(values, size, 1, stdout) != 1) {
        exit(EXIT_FAILURE);
    }
}

static void *room_for(size_t doubles)
{
    void *room = calloc(doubles + 1, sizeof(double));
    if (room == NULL) {
        exit(EXIT_FAILURE);
    }
    return room;
}

static double *all_input(size_t *size)
{
    const size_t most = 1 << 20;
    double *values = room_for(most);
    *size = fread(values, sizeof *values, most, stdin);
    return values;
}

typedef struct {
    double first, number, width;
} table_shape;

static double *table_of(const table_shape *t, double dt)
{
    double *rows = room_for((size_t)t->number * ROW);
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
                rows[k * ROW + power * RATE_TABLE_LANES + rate + rate / 3] =
                    coefficients[power] * dt;
            }
        }
    }
    return rows;
}

static void give_table_at(const table_shape *t, const double *rows, double V)
{
    const rate_table_place place = rate_table_find(V, 1 / t->width);
    const gate_rates r = rate_table_at(rows + (place.k - (int64_t)t->first) * ROW, place.r);
    const double values[6] = {lane_m(r.alpha), lane_h(r.alpha), lane_n(r.alpha),
                              lane_m(r.beta),  lane_h(r.beta),  lane_n(r.beta)};
    give(values, sizeof values);
}

typedef struct {
    double dt;
    hh_parameters p;
    double V, m, h, n;
} start;

static void run(const table_shape *t, const start *s, const double *I, size_t steps)
{
    const double *rows = table_of(t, s->dt);
    const double low = (t->first - 0.5) * t->width;
    const double high = (t->first + t->number - 0.5) * t->width;
    const hh_cell cell = {.V = s->V, .m = s->m, .h = s->h, .n = s->n};
    hh_neuron now = hh_neuron_of(&cell);
    size_t i;
    for (i = 0; i < steps; ++i) {
        const rate_table_place place = rate_table_find(now.V, 1 / t->width);
        const double *row = rows + (place.k - (int64_t)t->first) * ROW;
        now = hh_euler_step(now, &s->p, s->dt / s->p.C_m, row, place.r, I[i]);
        if (!(low < now.V && now.V < high && hh_gates_are_finite(now.x))) {
            return;
        }
        const double traces[7] = {now.V,      lane_m(now.x), lane_h(now.x), lane_n(now.x),
                                  now.i.I_Na, now.i.I_K,     now.i.I_L};
        give(traces, sizeof traces);
    }
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
        give(table_of(t, 1.0), (size_t)t->number * ROW * sizeof(double));
    } else if (strcmp(what, "table") == 0) {
        const double *rows = table_of(t, 1.0);
        for (i = after_table; i < size; ++i) {
            give_table_at(t, rows, in[i]);
        }
    } else if (strcmp(what, "run") == 0 && size >= after_start) {
        run(t, (const start *)(in + after_table), in + after_start, size - after_start);
    } else {
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
