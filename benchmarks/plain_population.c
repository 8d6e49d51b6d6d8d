/* Many uncoupled cells in plain C, forward Euler, with the exp of the C library.

   Cells are the inner loop, which the compiler vectorises; glibc has exp for whole vectors
   (libmvec), which -ffast-math lets gcc call. A block of cells makes all its steps before the next
   one starts, in aligned arrays that stay in the L1 cache. 0/0 is a select. */

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifndef BLOCK
#define BLOCK 16 /* larger ones were not faster */
#endif

typedef struct {
    _Alignas(64) double V[BLOCK], m[BLOCK], h[BLOCK], n[BLOCK], current[BLOCK], gNa[BLOCK];
    _Alignas(64) int64_t spikes[BLOCK];
} Block;

static inline void
step(Block *restrict cells, double dt, double threshold)
{
    const double Cm = 1.0, gK = 36.0, gL = 0.3;
    const double ENa = 115.0, EK = -12.0, EL = 10.6;
    for (int i = 0; i < BLOCK; i++) {
        double V = cells->V[i], m = cells->m[i], h = cells->h[i], n = cells->n[i];
        double alpha_n = V != 10 ? 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) : 0.1;
        double beta_n = 0.125 * exp(-V / 80);
        double alpha_m = V != 25 ? 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) : 1.0;
        double beta_m = 4 * exp(-V / 18);
        double alpha_h = 0.07 * exp(-V / 20);
        double beta_h = 1 / (exp((30 - V) / 10) + 1);

        double INa = cells->gNa[i] * m * m * m * h * (V - ENa);
        double IK = gK * n * n * n * n * (V - EK);
        double IL = gL * (V - EL);
        double after = V + dt * (cells->current[i] - INa - IK - IL) / Cm;
        cells->m[i] = m + dt * (alpha_m * (1 - m) - beta_m * m);
        cells->h[i] = h + dt * (alpha_h * (1 - h) - beta_h * h);
        cells->n[i] = n + dt * (alpha_n * (1 - n) - beta_n * n);
        cells->V[i] = after;
        cells->spikes[i] += V < threshold && after >= threshold;
    }
}

/* Arrays hold one number a cell; V, m, h, n and spikes are read and written. */
void
population(ptrdiff_t cells, ptrdiff_t steps, double dt, double threshold, const double *current,
           const double *gNa, double *V, double *m, double *h, double *n, int64_t *spikes)
{
    Block block = {0}; /* of the last, cells too many are left as they were and not read */
    for (ptrdiff_t i = 0; i < cells; i += BLOCK) {
        size_t bytes = (cells - i < BLOCK ? cells - i : BLOCK) * sizeof(double);
        memcpy(block.current, current + i, bytes);
        memcpy(block.gNa, gNa + i, bytes);
        memcpy(block.V, V + i, bytes);
        memcpy(block.m, m + i, bytes);
        memcpy(block.h, h + i, bytes);
        memcpy(block.n, n + i, bytes);
        memcpy(block.spikes, spikes + i, bytes);
        for (ptrdiff_t j = 0; j < steps; j++)
            step(&block, dt, threshold);
        memcpy(V + i, block.V, bytes);
        memcpy(m + i, block.m, bytes);
        memcpy(h + i, block.h, bytes);
        memcpy(n + i, block.n, bytes);
        memcpy(spikes + i, block.spikes, bytes);
    }
}
