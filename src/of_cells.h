/* For the headers that are included once for one neuron and once for eight cells: eight cells. A
   gate of all is a vector (cells.h), of which they have as many as gates. */
#undef REAL
#undef SHAPE
#undef OF
#undef OP
#undef CHANNELS_IN_VECTORS
#undef GATES_OF
#undef GATES_OP
#undef MOST_GATES
#undef FIRST_WITH_POOLS
#undef CELLS_OF_REAL

#define REAL cells
#define SHAPE cells_shape
#define OF(name) cells_##name
#define OP(name) cells_##name
#define GATES_OF(state, g) (state)->x[1 + (g)]
#define GATES_OP(name) cells_##name
#define MOST_GATES MEMBRANE_GATES
#define FIRST_WITH_POOLS(s) (int)((s)->gates - (s)->pools)
#define CELLS_OF_REAL CELLS
#define CHANNELS_IN_VECTORS 0
