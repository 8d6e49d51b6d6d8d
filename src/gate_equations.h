/* How a gate moves, for one, for those of a vector, or for that of eight cells (lanes.h, cells.h).
   Included once for each: GATE is its type, GATE_OP(name) an operation, GATE_OF(name) a function.

   dt dx/dt, and x + dt dx/dt, with dt alpha and dt (alpha + beta): so only one operation waits for
   the rates. */

HH_INLINE GATE GATE_OF(slope)(GATE x, GATE alpha_dt, GATE alpha_plus_beta_dt)
{
    return GATE_OP(fnma)(alpha_plus_beta_dt, x, alpha_dt);
}

HH_INLINE GATE GATE_OF(step)(GATE x, GATE alpha_dt, GATE alpha_plus_beta_dt)
{
    return GATE_OP(fnma)(alpha_plus_beta_dt, x, GATE_OP(add)(x, alpha_dt));
}

#undef GATE
#undef GATE_OP
#undef GATE_OF
