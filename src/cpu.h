/* What the kernels were compiled for, and what the CPU they run on can do. */
#ifndef PYHH_FAST_CPU_H
#define PYHH_FAST_CPU_H

#if defined(__clang__)
#define PYHH_FAST_COMPILER "clang " __clang_version__
#elif defined(__GNUC__)
#define PYHH_FAST_COMPILER "gcc " __VERSION__
#elif defined(_MSC_VER)
#define PYHH_FAST_COMPILER "msvc"
#else
#define PYHH_FAST_COMPILER "unknown compiler"
#endif

/* Name and presence of the features that a kernel could use; the name is NULL after the last. */
typedef struct {
    const char *name;
    int present;
} cpu_feature;

static cpu_feature cpu_feature_at(int index)
{
    const cpu_feature none = {0, 0};
#if (defined(__x86_64__)) && (defined(__GNUC__) || defined(__clang__))
    __builtin_cpu_init();
    switch (index) {
    case 0: return (cpu_feature){"sse4.2", __builtin_cpu_supports("sse4.2")};
    case 1: return (cpu_feature){"avx", __builtin_cpu_supports("avx")};
    case 2: return (cpu_feature){"avx2", __builtin_cpu_supports("avx2")};
    case 3: return (cpu_feature){"fma", __builtin_cpu_supports("fma")};
    case 4: return (cpu_feature){"avx512f", __builtin_cpu_supports("avx512f")};
    case 5: return (cpu_feature){"avx512dq", __builtin_cpu_supports("avx512dq")};
    case 6: return (cpu_feature){"avx512vl", __builtin_cpu_supports("avx512vl")};
    }
#elif defined(__aarch64__) || defined(_M_ARM64)
    if (index == 0) {
        return (cpu_feature){"neon", 1}; /* part of every arm64 */
    }
#endif
    (void)index;
    return none;
}

#endif
