/* The neurons of neurons.py in plain C, with the exp of the C library. Forward Euler; mV, ms. */

#include "plain_neurons.h"

static inline void
wang_buzsaki(double dt, double stimulus, double *y, double *I)
{
    double V = y[0], h = y[1], n = y[2];
    double alpha_m = linoid((V + 35) / 10);
    double m = alpha_m / (alpha_m + 4 * exp(-(V + 60) / 18));
    double alpha_h = 0.35 * exp(-(V + 58) / 20);
    double beta_h = 5 / (1 + exp(-(V + 28) / 10));
    double alpha_n = 0.5 * linoid((V + 34) / 10);
    double beta_n = 0.625 * exp(-(V + 44) / 80);

    I[0] = 0.1 * (V + 65);
    I[1] = 35 * m * m * m * h * (V - 55);
    I[2] = 9 * n * n * n * n * (V + 90);
    y[0] = V + dt * (stimulus - I[0] - I[1] - I[2]);
    y[1] = h + dt * (alpha_h * (1 - h) - beta_h * h);
    y[2] = n + dt * (alpha_n * (1 - n) - beta_n * n);
}

static inline void
connor_stevens(double dt, double stimulus, double *y, double *I)
{
    double V = y[0], m = y[1], h = y[2], n = y[3], a = y[4], b = y[5];
    double alpha_m = 3.8 * linoid((V + 29.7) / 10);
    double beta_m = 15.2 * exp(-0.0556 * (V + 54.7));
    double alpha_h = 0.266 * exp(-(V + 48) / 20);
    double beta_h = 3.8 / (1 + exp(-(V + 18) / 10));
    double alpha_n = 0.2 * linoid((V + 45.7) / 10);
    double beta_n = 0.25 * exp(-(V + 55.7) / 80);
    double a_inf = cbrt(0.0761 * exp(0.0314 * (V + 94.22)) / (1 + exp(0.0346 * (V + 1.17))));
    double tau_a = 0.3632 + 1.158 / (1 + exp(0.0497 * (V + 55.96)));
    double root = 1 + exp(0.0688 * (V + 53.3));
    double b_inf = 1 / (root * root * root * root);
    double tau_b = 1.24 + 2.678 / (1 + exp(0.0624 * (V + 50)));

    I[0] = 0.3 * (V + 17);
    I[1] = 120 * m * m * m * h * (V - 55);
    I[2] = 20 * n * n * n * n * (V + 72);
    I[3] = 47.7 * a * a * a * b * (V + 75);
    y[0] = V + dt * (stimulus - I[0] - I[1] - I[2] - I[3]);
    y[1] = m + dt * (alpha_m * (1 - m) - beta_m * m);
    y[2] = h + dt * (alpha_h * (1 - h) - beta_h * h);
    y[3] = n + dt * (alpha_n * (1 - n) - beta_n * n);
    y[4] = a + dt * (a_inf - a) / tau_a;
    y[5] = b + dt * (b_inf - b) / tau_b;
}

static inline void
pospischil_ib(double dt, double stimulus, double *y, double *I)
{
    double V = y[0], m = y[1], h = y[2], n = y[3], p = y[4], q = y[5], r = y[6];
    double alpha_m = 1.28 * linoid((V + 42) / 4);
    double beta_m = 1.4 * linoid(-(V + 15) / 5);
    double alpha_h = 0.128 * exp(-(V + 38) / 18);
    double beta_h = 4 / (1 + exp(-(V + 15) / 5));
    double alpha_n = 0.16 * linoid((V + 40) / 5);
    double beta_n = 0.5 * exp(-(V + 45) / 40);
    double p_inf = 1 / (1 + exp(-(V + 35) / 10));
    double tau_p = 1000 / (3.3 * exp((V + 35) / 20) + exp(-(V + 35) / 20));
    double alpha_q = 0.209 * linoid((V + 27) / 3.8);
    double beta_q = 0.94 * exp(-(V + 75) / 17);
    double alpha_r = 0.000457 * exp(-(V + 13) / 50);
    double beta_r = 0.0065 / (1 + exp(-(V + 15) / 28));

    I[0] = 0.01 * (V + 85);
    I[1] = 50 * m * m * m * h * (V - 50);
    I[2] = 5 * n * n * n * n * (V + 100);
    I[3] = 0.03 * p * (V + 100);
    I[4] = 0.17 * q * q * r * (V - 120.2547);
    y[0] = V + dt * (stimulus - I[0] - I[1] - I[2] - I[3] - I[4]);
    y[1] = m + dt * (alpha_m * (1 - m) - beta_m * m);
    y[2] = h + dt * (alpha_h * (1 - h) - beta_h * h);
    y[3] = n + dt * (alpha_n * (1 - n) - beta_n * n);
    y[4] = p + dt * (p_inf - p) / tau_p;
    y[5] = q + dt * (alpha_q * (1 - q) - beta_q * q);
    y[6] = r + dt * (alpha_r * (1 - r) - beta_r * r);
}

LOOP(wang_buzsaki, 3, 3)
LOOP(connor_stevens, 6, 4)
LOOP(pospischil_ib, 7, 5)
