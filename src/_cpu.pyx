"""What the kernels were compiled for, and what the CPU they run on can do."""

from hodgkin_huxley cimport PYHH_FAST_SOURCES


cdef extern from "cpu.h":
    ctypedef struct cpu_feature:
        const char *name
        int present

    const char *PYHH_FAST_LEVELS
    const char *PYHH_FAST_COMPILER
    const char *PYHH_FAST_FLAVOUR
    cpu_feature cpu_feature_at(int index)


SOURCES = PYHH_FAST_SOURCES.decode("ascii")
FLAVOUR = PYHH_FAST_FLAVOUR.decode("ascii")
COMPILER = PYHH_FAST_COMPILER.decode("ascii")


def features():
    """Return the names of the vector features that this CPU has, of those a kernel could use."""
    cdef int index = 0
    cdef cpu_feature feature = cpu_feature_at(0)
    found = []
    while feature.name is not NULL:
        if feature.present:
            found.append(feature.name.decode("ascii"))
        index += 1
        feature = cpu_feature_at(index)
    return found


def levels():
    """Return the levels of instruction set that the kernels are built for and this CPU has."""
    found = set(features())
    needed = {
        "v3": {"avx2", "fma"},
        "v4": {"avx2", "fma", "avx512f", "avx512dq", "avx512vl"},
    }
    built = PYHH_FAST_LEVELS.decode("ascii").split()
    return [level for level in built if needed.get(level, set()) <= found]
