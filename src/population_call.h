/* What a call of the time loop of many cells is given (population.pxi), and the block it is at. */
#ifndef PYHH_FAST_POPULATION_CALL_H
#define PYHH_FAST_POPULATION_CALL_H

#include "cells_step.h"
#include "hh_block.h"
#include "outputs.h"
#include "trace_features.h"

#define POPULATION_VARIABLES (1 + MEMBRANE_GATES) /* V and the gates, as they are recorded */

/* Stimuli are read, and traces written, for so many steps at a time: those of one cell are adjacent
   in memory, a cache line of them. One by one took 3 ns more a stimulus value, 8 a trace. */
#define POPULATION_ROWS 8

typedef struct {
    int64_t method;       /* a fixed_method */
    int64_t built_in;     /* rates are those of Hodgkin and Huxley; others are in the table */
    int64_t block_size;   /* cells, at most HH_BLOCK */
    double dt, threshold; /* ms, mV */
    double largest_V;     /* mV; beyond it a cell whose rates the table lacks has diverged */
} population_settings;

/* The cells, one value each in every buffer; channels in the order of evaluation. Speeds are over
   those that the rates of the table have. */
typedef struct {
    input_buffer C_m, g[MEMBRANE_CHANNELS], E[MEMBRANE_CHANNELS], slope[MEMBRANE_CHANNELS];
    input_buffer rest[MEMBRANE_POOLS], tau[MEMBRANE_POOLS], gain[MEMBRANE_POOLS];
    input_buffer shift[MEMBRANE_VECTORS], speed[MEMBRANE_GATES];
    input_buffer before[POPULATION_VARIABLES];
    output_buffer after[POPULATION_VARIABLES];
    int64_t *diverged_at; /* a step, or -1 */
} population_cells;

/* The stimulus: of cell c in step i at data + c cell_stride + i step_stride, in bytes. */
typedef struct {
    const char *data;
    int64_t cell_stride, step_stride, steps;
} population_values;

/* The current, and the conductance, whose data are NULL where there is none. */
typedef struct {
    population_values I, G;
} population_stimulus;

/* What is recorded: of some cells, in rising order, some variables at each step whose number
   `every` divides; to traces[variable][row of the cell][sample]. */
typedef struct {
    const int64_t *cells, *rows;
    const int64_t *variables; /* numbers: V, the gates, the currents */
    int64_t cell_count, variable_count, every, sample_count;
    double *traces;
} population_samples;

#pragma pack(push, 4) /* 12 bytes: there may be more spikes than anything else */
typedef struct {
    int32_t cell;
    double time; /* ms */
} population_spike;
#pragma pack(pop)

typedef struct {
    population_spike *list;
    int64_t count, capacity;
} population_spikes;

/* Features of the cells: of each so many numbers, and V of the rows before, the last one last. */
typedef struct {
    const feature_plan *plan;
    const double *numbers_before, *history_before;
    double *numbers_after, *history_after;
    int64_t numbers, history;
    double *of_groups; /* the numbers of a block, group by group, and by number the eight cells' */
    double *V;         /* the latest rows of a block, row r at (r & mask) * HH_BLOCK */
    int64_t mask;
} population_features;

/* Eight cells of a block whose rates are in the table. */
typedef struct {
    cells_neuron states[2];
    cells_neuron_model model;
    cells_outside outside;
    cells_latest latest;
} population_group;

/* A block between two steps, of one of two kinds. A cell that is inactive has diverged, or pads
   the last vector. */
typedef struct {
    hh_block hh;
    population_group groups[HH_BLOCK / CELLS];
    _Alignas(64) double I[POPULATION_ROWS][HH_BLOCK], G[POPULATION_ROWS][HH_BLOCK];
    double traces[OUTPUT_VARIABLES][HH_BLOCK][POPULATION_ROWS];
    int64_t flags[HH_BLOCK];
    int64_t cells;
    char inactive[HH_BLOCK];
} population_block;

/* A call of the loop, and the block that it is at. */
typedef struct {
    const population_settings *settings;
    const population_cells *cells;
    const population_stimulus *stimulus;
    const population_samples *samples;
    population_spikes *spikes;
    const population_features *features; /* or NULL */
    const membrane_shape *shape;
    cells_shape cells_shape;
    int hodgkin_huxley; /* whether these are the constant shapes of that neuron */
    rate_source rates;
    int64_t step;        /* number of the first step of the call */
    int64_t first_cell;  /* of the block */
    int64_t first, past; /* which of the recorded cells are in the block */
    double *missing_V;
    population_block *block;
    int now; /* which of the block's two states is that before the step */
} population_call;

#endif
