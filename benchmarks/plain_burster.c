/* The burster of neurons.py in plain C, one and many; forward Euler; mV, ms, mM.

   The state is V, the gates of Na, CaT, CaS, A, KCa, Kd and H, calcium. Those of many cells are in
   blocks, as in plain_population.c, so that compilers vectorise over the cells of a block. */

#include "plain_neurons.h"

#define STATES 13
#define CURRENTS 8
#define BLOCK 16

static inline double
rises(double V, double half, double k)
{
    return 1 / (1 + exp(-(V + half) / k));
}

/* States and currents of a cell are `stride` numbers apart. */
static inline void
step(double dt, double stimulus, double *y, double *I, ptrdiff_t stride)
{
#define Y(k) y[(k)*stride]
    double V = Y(0), Ca = Y(12), E_Ca = 12.199915281921312 * log(3 / Ca);
    double inf[11] = {
        rises(V, 25.5, 5.29),  rises(V, 48.9, -5.18),  rises(V, 27.1, 7.2),
        rises(V, 32.1, -5.5),  rises(V, 33, 8.1),      rises(V, 60, -6.2),
        rises(V, 27.2, 8.7),   rises(V, 56.9, -4.9),   Ca / (Ca + 0.003) * rises(V, 28.3, 12.6),
        rises(V, 12.3, 11.8),  rises(V, 75, -5.5),
    };
    double tau[11] = {
        2.64 - 2.52 * rises(V, 120, 25),
        1.34 * rises(V, 62.9, 10) * (1.5 + rises(V, 34.9, -3.6)),
        43.4 - 42.6 * rises(V, 68.1, 20.5),
        210 - 179.6 * rises(V, 55, 16.9),
        2.8 + 14 / (exp((V + 27) / 10) + exp(-(V + 70) / 13)),
        120 + 300 / (exp((V + 55) / 9) + exp(-(V + 65) / 16)),
        23.2 - 20.8 * rises(V, 32.9, 15.2),
        77.2 - 58.4 * rises(V, 38.9, 26.5),
        180.6 - 150.2 * rises(V, 46, 22.7),
        14.4 - 12.8 * rises(V, 28.3, 19.2),
        2 / (exp(-(V + 169.7) / 11.6) + exp((V - 26.7) / 14.3)),
    };
    double now[CURRENTS] = {
        0 * (V + 50),
        400 * Y(1) * Y(1) * Y(1) * Y(2) * (V - 50),
        2.5 * Y(3) * Y(3) * Y(3) * Y(4) * (V - E_Ca),
        6 * Y(5) * Y(5) * Y(5) * Y(6) * (V - E_Ca),
        50 * Y(7) * Y(7) * Y(7) * Y(8) * (V + 80),
        10 * Y(9) * Y(9) * Y(9) * Y(9) * (V + 80),
        100 * Y(10) * Y(10) * Y(10) * Y(10) * (V + 80),
        0.01 * Y(11) * (V + 20),
    };
    double sum = 0, inflow = -(now[2] + now[3]);
    for (int k = 0; k < CURRENTS; k++) {
        sum += now[k];
        if (I)
            I[k * stride] = now[k];
    }
    Y(0) = V + dt * (stimulus - sum);
    for (int k = 0; k < 11; k++)
        Y(1 + k) += dt * (inf[k] - Y(1 + k)) / tau[k];
    Y(12) = Ca + dt * (4.69744e-05 * (inflow > 0 ? inflow : 0) + (5e-05 - Ca) / 200);
#undef Y
}

static inline void
prinz(double dt, double stimulus, double *y, double *I)
{
    step(dt, stimulus, y, I, 1);
}

LOOP(prinz, STATES, CURRENTS)

/* `y` has a row of cells for each state, of a whole number of blocks; spikes are counted. */
void
prinz_population(ptrdiff_t cells, ptrdiff_t steps, double dt, double threshold,
                 const double *current, double *y, int64_t *spikes)
{
    for (ptrdiff_t first = 0; first < cells; first += BLOCK) {
        _Alignas(64) double block[STATES][BLOCK];
        int64_t count[BLOCK] = {0};
        for (int k = 0; k < STATES; k++)
            memcpy(block[k], y + k * cells + first, sizeof block[k]);
        for (ptrdiff_t j = 0; j < steps; j++) {
            double before[BLOCK];
            memcpy(before, block[0], sizeof before);
            for (int i = 0; i < BLOCK; i++)
                step(dt, current[first + i], &block[0][i], NULL, BLOCK);
            for (int i = 0; i < BLOCK; i++)
                count[i] += before[i] < threshold && block[0][i] >= threshold;
        }
        for (int k = 0; k < STATES; k++)
            memcpy(y + k * cells + first, block[k], sizeof block[k]);
        for (int i = 0; i < BLOCK; i++)
            spikes[first + i] += count[i];
    }
}
