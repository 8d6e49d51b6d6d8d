/* The time loop of loops.py in plain C, with the exp of the C library. */

#include <math.h>
#include <stddef.h>

static inline void
loop(ptrdiff_t steps, double dt, double V, double m, double h, double n, const double *stimulus,
     double *V_out, double *m_out, double *h_out, double *n_out, double *INa_out, double *IK_out,
     double *IL_out, int all)
{
    const double Cm = 1.0, gNa = 120.0, gK = 36.0, gL = 0.3;
    const double ENa = 115.0, EK = -12.0, EL = 10.6;
    for (ptrdiff_t i = 0; i < steps; i++) {
        double alpha_n = V != 10 ? 0.01 * (10 - V) / (exp((10 - V) / 10) - 1) : 0.1;
        double beta_n = 0.125 * exp(-V / 80);
        double alpha_m = V != 25 ? 0.1 * (25 - V) / (exp((25 - V) / 10) - 1) : 1.0;
        double beta_m = 4 * exp(-V / 18);
        double alpha_h = 0.07 * exp(-V / 20);
        double beta_h = 1 / (exp((30 - V) / 10) + 1);

        double INa = gNa * m * m * m * h * (V - ENa);
        double IK = gK * n * n * n * n * (V - EK);
        double IL = gL * (V - EL);
        V += dt * (stimulus[i] - INa - IK - IL) / Cm;
        m += dt * (alpha_m * (1 - m) - beta_m * m);
        h += dt * (alpha_h * (1 - h) - beta_h * h);
        n += dt * (alpha_n * (1 - n) - beta_n * n);

        V_out[i] = V;
        if (all) {
            m_out[i] = m, h_out[i] = h, n_out[i] = n;
            INa_out[i] = INa, IK_out[i] = IK, IL_out[i] = IL;
        }
    }
}

void
all_traces(ptrdiff_t steps, double dt, double V, double m, double h, double n,
           const double *stimulus, double *V_out, double *m_out, double *h_out, double *n_out,
           double *INa_out, double *IK_out, double *IL_out)
{
    loop(steps, dt, V, m, h, n, stimulus, V_out, m_out, h_out, n_out, INa_out, IK_out, IL_out, 1);
}

void
only_V(ptrdiff_t steps, double dt, double V, double m, double h, double n, const double *stimulus,
       double *V_out)
{
    loop(steps, dt, V, m, h, n, stimulus, V_out, NULL, NULL, NULL, NULL, NULL, NULL, 0);
}
