/* The numbers of the classic Runge-Kutta method. */
#ifndef PYHH_FAST_RK4_WEIGHTS_H
#define PYHH_FAST_RK4_WEIGHTS_H

static const double rk4_stage[4] = {0.5, 0.5, 1.0, 0.0}; /* where the next slope is taken */
static const double rk4_weight[4] = {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6};

#endif
