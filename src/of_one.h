/* For the headers that are included once for one neuron and once for eight cells: one neuron. Its
   gates are lanes of vectors (lanes.h), of which it has some. */
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

#define REAL double
#define SHAPE membrane_shape
#define OF(name) name
#define OP(name) double_##name
#define GATES_OF(state, v) (state)->x[v]
#define GATES_OP(name) lanes_##name
#define MOST_GATES MEMBRANE_VECTORS
#define FIRST_WITH_POOLS(s) 0 /* of the vectors */
#define CELLS_OF_REAL 1
#define CHANNELS_IN_VECTORS 1 /* whether compilers may make vectors of channels */
