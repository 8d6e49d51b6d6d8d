# The headers of stimuli, declared for their kernels.

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "noise.h" nogil:
    enum:
        NOISE_BLOCK
    const uint64_t NOISE_OF_ORNSTEIN_UHLENBECK
    const uint64_t NOISE_OF_POISSON_EPSC
    const uint64_t NOISE_WHITE

    ctypedef struct noise_key:
        uint64_t seed, stream, cell

    void noise_four_words(noise_key key, uint64_t b, uint64_t *words)
    void noise_words(noise_key key, int64_t first, int64_t count, uint64_t *words)
    void noise_normals(const uint64_t *words, int64_t count, double *normals, int level)
    double noise_centred(uint64_t word)
    double noise_log(double u)


cdef extern from "waves.h" nogil:
    const int64_t WAVE_NEVER

    ctypedef struct wave_edge:
        int64_t step
        double part

    double wave_fraction(double cycles)
    double wave_sine(double r)
    wave_edge wave_edge_at(double time, double dt)


cdef extern from "hh_math.h" nogil:
    double hh_exp(double x)
    double hh_phi1(double x)


cdef extern from *:
    const char *PYHH_FAST_SOURCES
