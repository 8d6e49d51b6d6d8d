/* Noise whose bits do not depend on the C library, the CPU or how it is cut into pieces.

   Random words are Philox4x64-10 (Salmon et al., SC'11, 2011), a function of a key and of a
   number: word i is the same in any order, after any restart. The key is the user's seed and a
   number for what the noise is used for, so that two kinds of noise with one seed are independent.
   Words are in the order of numpy.random.Philox(key=[seed, stream], counter=[0, cell, 0, 0]), which
   a test compares.

   A word gives u = (k + 1/2) 2^-52 with its upper 52 bits k: above 0, below 1, and exact, as
   u - 1/2 and 1 - u are.

   Normal numbers are the inverse of the normal distribution at u, by the rational functions of
   Wichura (PPND16 of AS 241, Applied Statistics 37, 477-484, 1988), which err by about 1e-16,
   relatively. u ends at 2^-53: the largest normal number is 8.2.

   Only + - * / and sqrt are used, and none is fused: the same bits on every CPU.
*/
#ifndef PYHH_FAST_NOISE_H
#define PYHH_FAST_NOISE_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The second word of the key: what the noise is for. */
#define NOISE_OF_ORNSTEIN_UHLENBECK 1
#define NOISE_OF_POISSON_EPSC 2
#define NOISE_WHITE 3

/* `cell` is that of a population; it counts words apart from those of the other cells. */
typedef struct {
    uint64_t seed, stream, cell;
} noise_key;

typedef struct {
    uint64_t high, low;
} noise_product;

static inline noise_product noise_multiply(uint64_t a, uint64_t b)
{
    noise_product p;
#if defined(__SIZEOF_INT128__) && !defined(NOISE_PORTABLE)
    const unsigned __int128 whole = (unsigned __int128)a * b;
    p.high = (uint64_t)(whole >> 64);
    p.low = (uint64_t)whole;
#else
    const uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    const uint64_t low = a0 * b0, mid = a1 * b0 + (low >> 32);
    const uint64_t middle = a0 * b1 + (mid & 0xffffffff);
    p.high = a1 * b1 + (mid >> 32) + (middle >> 32);
    p.low = a * b;
#endif
    return p;
}

/* Words 4 b to 4 b + 3. */
static inline void noise_four_words(noise_key key, uint64_t b, uint64_t *words)
{
    uint64_t c0 = b + 1, c1 = key.cell, c2 = 0, c3 = 0; /* NumPy counts before it draws */
    int round;
    for (round = 0; round < 10; ++round) {
        const noise_product p = noise_multiply(0xD2E7470EE14C6C93u, c0);
        const noise_product q = noise_multiply(0xCA5A826395121157u, c2);
        c0 = q.high ^ c1 ^ key.seed;
        c1 = q.low;
        c2 = p.high ^ c3 ^ key.stream;
        c3 = p.low;
        key.seed += 0x9E3779B97F4A7C15u;
        key.stream += 0xBB67AE8584CAA73Bu;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}

/* Words `first` to `first + count - 1`. */
static inline void noise_words(noise_key key, int64_t first, int64_t count, uint64_t *words)
{
    uint64_t four[4];
    int64_t i = 0;
    while (i < count) {
        const int64_t at = (first + i) % 4, here = 4 - at < count - i ? 4 - at : count - i;
        if (here == 4) {
            noise_four_words(key, (uint64_t)(first + i) / 4, words + i);
        } else {
            noise_four_words(key, (uint64_t)(first + i) / 4, four);
            memcpy(words + i, four + at, (size_t)here * sizeof *words);
        }
        i += here;
    }
}

/* u - 1/2: the upper bits of a word as those of a number from 1 to 2. */
static inline double noise_centred(uint64_t word)
{
    const uint64_t bits = (word >> 12) | 0x3ff0000000000000u;
    double number;
    memcpy(&number, &bits, sizeof number);
    return (number - 1.5) + 0x1p-53;
}

/* log(u) for normal numbers u > 0.

   u = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), and with s = f / (2 + f)
   log(1 + f) = 2 atanh(s) = f - s (f - R),  R = 2 s^2 / 3 + 2 s^4 / 5 + ...
   R goes up to s^20; what is left out is below 2e-18 of the whole. f^2 / 2 is subtracted
   separately and ln 2 in two parts, as in FDLIBM's e_log.c (Ng), which keeps the error below 1 unit
   in the last place. No branch, so that the compiler can take numbers side by side. */
static inline double noise_log(double u)
{
    const double ln2_high = 6.93147180369123816490e-01; /* 33 bits */
    const double ln2_low = 1.90821492927058770002e-10;
    uint64_t bits, exponent;
    double k, m, f, half, s, z, z2, z4, R;

    memcpy(&bits, &u, sizeof bits);
    exponent = (bits - 0x3fe6a09e667f3bcdu + ((uint64_t)1024 << 52)) >> 52; /* k + 1024 */
    bits -= (exponent - 1024) << 52;
    memcpy(&m, &bits, sizeof m);
    exponent |= 0x4330000000000000u; /* as the last places of a number from 2^52 on */
    memcpy(&k, &exponent, sizeof k);
    k -= 0x1p52 + 1024;
    f = m - 1.0;
    half = 0.5 * f * f;
    s = f / (2.0 + f);
    z = s * s;
    z2 = z * z;
    z4 = z2 * z2;
    R = z * ((2. / 3 + 2. / 5 * z) + z2 * (2. / 7 + 2. / 9 * z)
             + z4 * ((2. / 11 + 2. / 13 * z) + z2 * (2. / 15 + 2. / 17 * z)
                     + z4 * (2. / 19 + 2. / 21 * z)));
    return k * ln2_high - ((half - (s * (half + R) + k * ln2_low)) - f);
}

/* Wichura's three pieces: 0.075 <= u <= 0.925, then sqrt(-log(u)) <= 5, then beyond. */
#define NOISE_CENTRE_FIRST 0x1333333333333333u
#define NOISE_CENTRE_WIDTH 0xd999999999999999u
#define NOISE_FAR 5.0

static inline double noise_normal_centre(double q)
{
    const double r = 0.180625 - q * q, r2 = r * r, r4 = r2 * r2;
    const double above =
        ((3.3871328727963666080e0 + 1.3314166789178437745e+2 * r)
         + r2 * (1.9715909503065514427e+3 + 1.3731693765509461125e+4 * r))
        + r4 * ((4.5921953931549871457e+4 + 6.7265770927008700853e+4 * r)
                + r2 * (3.3430575583588128105e+4 + 2.5090809287301226727e+3 * r));
    const double below =
        ((1.0 + 4.2313330701600911252e+1 * r)
         + r2 * (6.8718700749205790830e+2 + 5.3941960214247511077e+3 * r))
        + r4 * ((2.1213794301586595867e+4 + 3.9307895800092710610e+4 * r)
                + r2 * (2.8729085735721942674e+4 + 5.2264952788528545610e+3 * r));
    return q * above / below;
}

static inline double noise_normal_tail(double distance)
{
    const double r = distance - 1.6, r2 = r * r, r4 = r2 * r2;
    const double above =
        ((1.42343711074968357734e0 + 4.63033784615654529590e0 * r)
         + r2 * (5.76949722146069140550e0 + 3.64784832476320460504e0 * r))
        + r4 * ((1.27045825245236838258e0 + 2.41780725177450611770e-1 * r)
                + r2 * (2.27238449892691845833e-2 + 7.74545014278341407640e-4 * r));
    const double below =
        ((1.0 + 2.05319162663775882187e0 * r)
         + r2 * (1.67638483018380384940e0 + 6.89767334985100004550e-1 * r))
        + r4 * ((1.48103976427480074590e-1 + 1.51986665636164571966e-2 * r)
                + r2 * (5.47593808499534494600e-4 + 1.05075007164441684324e-9 * r));
    return above / below;
}

static inline double noise_normal_far(double distance)
{
    const double r = distance - 5.0, r2 = r * r, r4 = r2 * r2;
    const double above =
        ((6.65790464350110377720e0 + 5.46378491116411436990e0 * r)
         + r2 * (1.78482653991729133580e0 + 2.96560571828504891230e-1 * r))
        + r4 * ((2.65321895265761230930e-2 + 1.24266094738807843860e-3 * r)
                + r2 * (2.71155556874348757815e-5 + 2.01033439929228813265e-7 * r));
    const double below =
        ((1.0 + 5.99832206555887937690e-1 * r)
         + r2 * (1.36929880922735805310e-1 + 1.48753612908506148525e-2 * r))
        + r4 * ((7.86869131145613259100e-4 + 1.84631831751005468180e-5 * r)
                + r2 * (1.42151175831644588870e-7 + 2.04426310338993978564e-15 * r));
    return above / below;
}

/* Normal numbers of up to NOISE_BLOCK words. The centre's function is taken of all, side by side;
   those 15 of 100 that lie outside are gathered, so that they too go side by side, and put in their
   places.

   It is compiled for wider vectors, too, of which a level says which the CPU has: 0, 1 for AVX2,
   2 for AVX-512. The bits are the same. One thread makes 150 million a second at level 0, 220 from
   1 on (AMD EPYC, Zen 4); the words take half of that. */
#define NOISE_BLOCK 512

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define NOISE_FOR(features) __attribute__((target(features)))
#define NOISE_INLINED inline __attribute__((always_inline))
#else
#define NOISE_FOR(features)
#define NOISE_INLINED inline
#endif

static NOISE_INLINED void noise_normals_inlined(const uint64_t *words, int64_t count,
                                                double *normals)
{
    double distance[NOISE_BLOCK], tail[NOISE_BLOCK];
    int32_t outside[NOISE_BLOCK];
    int64_t i, tails = 0;
    for (i = 0; i < count; ++i) {
        normals[i] = noise_normal_centre(noise_centred(words[i]));
    }
    for (i = 0; i < count; ++i) {
        outside[tails] = (int32_t)i;
        tails += words[i] - NOISE_CENTRE_FIRST > NOISE_CENTRE_WIDTH;
    }
    for (i = 0; i < tails; ++i) {
        distance[i] = 0.5 - fabs(noise_centred(words[outside[i]]));
    }
    for (i = 0; i < tails; ++i) {
        distance[i] = sqrt(-noise_log(distance[i]));
    }
    for (i = 0; i < tails; ++i) {
        tail[i] = noise_normal_tail(distance[i]);
    }
    for (i = 0; i < tails; ++i) {
        if (distance[i] > NOISE_FAR) {
            tail[i] = noise_normal_far(distance[i]);
        }
        normals[outside[i]] = noise_centred(words[outside[i]]) < 0 ? -tail[i] : tail[i];
    }
}

NOISE_FOR("avx2")
static void noise_normals_avx2(const uint64_t *words, int64_t count, double *normals)
{
    noise_normals_inlined(words, count, normals);
}

NOISE_FOR("avx2,avx512f,avx512dq,avx512vl")
static void noise_normals_avx512(const uint64_t *words, int64_t count, double *normals)
{
    noise_normals_inlined(words, count, normals);
}

static inline void noise_normals(const uint64_t *words, int64_t count, double *normals, int level)
{
    if (level == 2) {
        noise_normals_avx512(words, count, normals);
    } else if (level == 1) {
        noise_normals_avx2(words, count, normals);
    } else {
        noise_normals_inlined(words, count, normals);
    }
}

#endif
