"""The arithmetic of stimuli: random words, logarithms, normal numbers, sines."""

from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest
from numpy.random import Philox
from random_words import filled, uniform, words
from scipy import special, stats

from pyhh_fast import _stimuli

ALL_BITS = 2**64 - 1
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def errors_in_last_places(got, exact):
    with localcontext() as context:
        context.prec = 50
        return [
            float(abs(Decimal(float(value)) - want) / Decimal(float(np.spacing(abs(value)))))
            for value, want in zip(got, exact, strict=True)
        ]


@pytest.mark.parametrize("seed", [0, 1, 0x0123456789ABCDEF, ALL_BITS])
@pytest.mark.parametrize("stream", [_stimuli.ORNSTEIN_UHLENBECK, _stimuli.POISSON_EPSC, ALL_BITS])
@pytest.mark.parametrize("first", [0, 1, 2, 3, 4, 4_001, 2**48 + 3, 2**61 + 2])
def test_words_equal_those_of_numpy_philox(seed, stream, first):
    key = np.array([seed, stream], np.uint64)
    numpys = Philox(key=key, counter=first // 4).random_raw(1_010)
    np.testing.assert_array_equal(words(seed, stream, first, 1_003), numpys[first % 4 :][:1_003])


@pytest.mark.parametrize("cell", [1, 2**40 + 3])
def test_words_of_a_cell_are_those_of_philox_at_another_place(cell):
    key = np.array([7, _stimuli.WHITE_NOISE], np.uint64)
    numpys = Philox(key=key, counter=np.array([2, cell, 0, 0], np.uint64)).random_raw(99)
    found = np.empty(91, np.uint64)
    _stimuli.words(7, _stimuli.WHITE_NOISE, 8, found, cell)
    np.testing.assert_array_equal(found, numpys[:91])


def test_logarithms_are_accurate_to_the_last_place():
    draw = np.random.default_rng(0)
    u = np.concatenate(
        [
            (draw.integers(0, 2**52, 3_000) + 0.5) * 2.0**-52,
            draw.random(2_000) * 2.0 ** -draw.integers(0, 52, 2_000),
            np.sqrt(0.5) + np.spacing(0.5) * np.arange(-20, 21),
            1 - 2.0 ** -np.arange(1, 54),
            2.0 ** -np.arange(1, 54),
        ]
    )
    with localcontext() as context:
        context.prec = 50
        exact = [Decimal(float(x)).ln() for x in u]
    assert max(errors_in_last_places(filled(_stimuli.logarithms, u), exact)) < 0.85
    np.testing.assert_array_equal(filled(_stimuli.logarithms, np.ones(1)), [0.0])


def test_normal_numbers_match_the_inverse_distribution():
    draw = np.random.default_rng(1)
    some = draw.integers(0, ALL_BITS, 20_000, np.uint64)
    tails = some >> draw.integers(0, 64, some.size).astype(np.uint64)
    centre = np.uint64(2**63) + (tails >> np.uint64(1))
    border = np.array([0x1333333333333333, 0xECCCCCCCCCCCCCCC], np.uint64)[:, np.newaxis]
    borders = (border + np.arange(-9_000, 9_001, 500).astype(np.uint64)).ravel()
    word = np.concatenate([some, tails, ~tails, centre, borders])
    below, above = uniform(word)
    exact = np.where(below < 0.5, special.ndtri(below), -special.ndtri(above))
    np.testing.assert_allclose(filled(_stimuli.normals, word), exact, rtol=3e-15)
    assert len(word) > 512  # more than one block


def test_normal_numbers_at_the_ends_and_their_symmetry():
    word = np.array([0, ALL_BITS, 2**63, 2**63 - 1], np.uint64)
    got = filled(_stimuli.normals, word)
    # mpmath: sqrt(2) erfinv(1 - 2^-52), and that at 2^-53
    np.testing.assert_allclose(got[:2], [-8.2095361516013869, 8.2095361516013869], rtol=1e-15)
    nearest = np.sqrt(2 * np.pi) * 2.0**-53
    np.testing.assert_allclose(got[2:], [nearest, -nearest], rtol=1e-15)
    some = words(1, 1, 0, 5_000)
    np.testing.assert_array_equal(filled(_stimuli.normals, ~some), -filled(_stimuli.normals, some))


def test_normal_number_depends_on_its_word_only():
    word = words(2, 1, 0, 1_000)
    whole = filled(_stimuli.normals, word)
    single = [filled(_stimuli.normals, word[i : i + 1])[0] for i in range(len(word))]
    np.testing.assert_array_equal(single, whole)


def test_normal_numbers_are_normal():
    normals = filled(_stimuli.normals, words(2024, 1, 0, 1_000_000))
    assert stats.kstest(normals, "norm").pvalue > 0.01
    assert abs(normals.mean()) < 4e-3
    assert abs(np.corrcoef(normals[1:], normals[:-1])[0, 1]) < 4e-3
    beyond_3 = (np.abs(normals) > 3).sum()
    assert abs(beyond_3 - 2_699.8) < 4 * 52


def exact_sine(cycles):
    """sin(2 pi cycles) in 50 digits, from whole and fraction."""
    left = Fraction(float(cycles))
    left -= round(left)
    x = 2 * PI * left.numerator / left.denominator
    total = term = x
    for k in range(1, 40):
        term *= -x * x / (2 * k * (2 * k + 1))
        total += term
    return total


def test_sines_are_accurate_to_2_5_last_places():
    draw = np.random.default_rng(2)
    cycles = np.concatenate(
        [
            draw.uniform(-1, 1, 3_000),
            draw.uniform(-1e9, 1e9, 1_000),
            draw.uniform(-1, 1, 500) * 10.0 ** -draw.integers(0, 300, 500),
            0.25 + np.spacing(0.25) * np.arange(-9, 10),
        ]
    )
    with localcontext() as context:
        context.prec = 50
        exact = [exact_sine(x) for x in cycles]
    assert max(errors_in_last_places(filled(_stimuli.sines, cycles), exact)) < 2.5
    quarters = filled(_stimuli.sines, np.arange(-8, 9) / 4 + 1e6)
    np.testing.assert_array_equal(quarters, [0, 1, 0, -1] * 4 + [0])


def test_wider_vectors_give_the_same_bits():
    ends = np.array([0, ALL_BITS, 2**63, 2**63 - 1], np.uint64)
    word = np.concatenate([ends, words(5, 1, 0, 100_003)])
    first, *others = (np.empty(len(word)) for _ in range(_stimuli.LEVELS))
    _stimuli.normals(word, first, 0)
    for level, one in enumerate(others, 1):
        _stimuli.normals(word, one, level)
        np.testing.assert_array_equal(one.view(np.int64), first.view(np.int64))
