"""Stimuli that need no array: the same bits in whatever pieces; copies, arrays, sums, figures."""

import copy
import dataclasses
import itertools
import json
import pickle
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import zarr
from hypothesis import example, given
from hypothesis import strategies as st
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from other_processes import ENVIRONMENT
from stimulus_examples import DT, EXAMPLES

from pyhh_fast import stimuli

WHOLE = {name: stimulus.to_array(2_000, DT) for name, stimulus in EXAMPLES.items()}

each = pytest.mark.parametrize("name", EXAMPLES)
described = pytest.mark.parametrize("name", [name for name in EXAMPLES if "array" not in name])


@each
@given(cuts=st.lists(st.integers(0, 2_000), max_size=8).map(sorted))
@example(cuts=list(range(2_001)))
@example(cuts=list(range(0, 2_000, 7)))
def test_values_do_not_depend_on_the_lengths_of_reads(name, cuts):
    stimulus = EXAMPLES[name]
    reader, parts = stimulus.reader(DT), []
    for start, stop in itertools.pairwise((0, *cuts, 2_000)):
        assert reader.step == start
        if start % 3 == 0:
            reader = stimulus.reader(DT, json.loads(json.dumps(reader.state, allow_nan=False)))
        parts.append(reader.read(stop - start))
    np.testing.assert_array_equal(np.concatenate(parts), WHOLE[name])


@described
def test_long_reads_equal_shorter_ones(name):
    reader = EXAMPLES[name].reader(DT)
    parts = [reader.read(n) for n in (99_999, 65_536, 1)]
    np.testing.assert_array_equal(EXAMPLES[name].to_array(165_536, DT), np.concatenate(parts))


# Bits that must never change: a stored run is to be continued with the same noise.
GOLDEN = {
    "ramp": "-0x1p+0 0x1.5db771466c68dp+3 0x1.ep+4 0x1.ep+4",
    "sine": "0x1.887631db05112p+0 0x1.cde605969484fp-3 -0x1.e5fb3b2ece17ep-2 -0x1.3cb3a5902b42dp+2",
    "chirp": (
        "0x1.0d73cc873f39fp-10 -0x1.3fe4dcae72243p+2 0x1.119f024ce6c3ep+2 0x1.393edf0fedf23p+2"
    ),
    "noise": "0x1.d98bbc0ae3c9fp+2 0x1.ce150663edf1p+2 0x1.2c2b2be7e8a0fp+3 0x1.f80e52a765d16p+2",
    "synapses": "0x0.0p+0 0x1.4c284d0cfd8bfp+5 0x1.5d6cc4a8d4a96p+5 0x1.11e329b8519c5p+5",
    "dense synapses": (
        "-0x1.146f7742c2f85p+0 -0x1.e7e77d62a267ep+0 -0x1.279efe5220a42p+1 -0x1.97f72c60e6e46p+0"
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_values_equal_those_of_earlier_versions_to_the_bit(name):
    got = EXAMPLES[name].to_array(20_000, DT)[[1, 777, 1_999, 19_999]]
    assert got.tolist() == [float.fromhex(value) for value in GOLDEN[name].split()]


CODE = """
import sys
from stimulus_examples import EXAMPLES
for stimulus in EXAMPLES.values():
    sys.stdout.buffer.write(stimulus.to_array(20_000, 0.01))
"""


def test_values_do_not_depend_on_numpys_instruction_sets():
    dispatched = " ".join(name for name in __cpu_dispatch__ if __cpu_features__[name])
    values = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        cwd=sys.prefix,
        env=ENVIRONMENT | {"NPY_DISABLE_CPU_FEATURES": dispatched},
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    here = [stimulus.to_array(20_000, 0.01).tobytes() for stimulus in EXAMPLES.values()]
    assert values == b"".join(here)


def test_reading_does_not_change_earlier_values_and_states():
    reader = EXAMPLES["sum"].reader(DT)
    first = reader.read(100)
    before, state = first.copy(), reader.state
    reader.state["parts"].clear()
    reader.read(100)
    np.testing.assert_array_equal(first, before)
    np.testing.assert_array_equal(EXAMPLES["sum"].reader(DT, state).read(9), WHOLE["sum"][100:109])


@each
def test_copies_and_pickles_are_equal(name):
    stimulus = EXAMPLES[name]
    for other in (pickle.loads(pickle.dumps(stimulus)), copy.deepcopy(stimulus)):
        assert other == stimulus
        assert hash(other) == hash(stimulus)
        np.testing.assert_array_equal(other.to_array(50, DT), WHOLE[name][:50])
    assert all(stimulus != other for key, other in EXAMPLES.items() if key != name)
    with pytest.raises(AttributeError):
        stimulus.kind = "other"


@each
def test_what_is_called_is_the_class_of_the_stimulus(name):
    stimulus = EXAMPLES[name]
    if stimulus.kind in stimuli.__all__:
        assert type(stimulus) is getattr(stimuli, stimulus.kind)
        assert type(stimulus).__name__ == stimulus.kind


def test_the_class_checks_its_parameters():
    with pytest.raises(ValueError, match=r"stop must be at least start, 5\.0"):
        dataclasses.replace(stimuli.step(1, 5, 9), stop=3)
    with pytest.raises(AttributeError):
        stimuli.chirp(1, 2, 3, 4).amplitude = 5


@described
def test_repr_and_description_give_an_equal_stimulus(name):
    stimulus = EXAMPLES[name]
    assert eval(repr(stimulus), vars(stimuli)) == stimulus
    description = json.loads(json.dumps(stimulus.description(), allow_nan=False))
    assert stimuli.from_description(description) == stimulus


def test_reprs_of_stimuli():
    reprs = {name: repr(stimulus) for name, stimulus in EXAMPLES.items()}
    assert reprs["step"] == "step(50, 0.7, 13)"
    assert reprs["pulses"] == "pulses(10, 0.013, 0.037, 0.21, 400)"
    assert reprs["pulses for ever"] == "pulses(10, 1, 2.5)"
    assert reprs["noise"] == "ornstein_uhlenbeck(10, 2, 5, 1)"
    assert reprs["sum with array"] == "from_array(<20000 values>) + ornstein_uhlenbeck(10, 2, 5, 1)"


def test_descriptions_of_stimuli():
    assert EXAMPLES["pulses"].description() == {
        "kind": "pulses",
        "amplitude": 10.0,
        "width": 0.013,
        "period": 0.037,
        "start": 0.21,
        "count": 400,
    }
    assert EXAMPLES["sum with array"].description() == {
        "kind": "sum",
        "parts": [{"kind": "from_array", "steps": 20_000}, EXAMPLES["noise"].description()],
    }


# Arrays


class Recorded:
    """Sliceable, and nothing more; tells which slices it was asked for."""

    def __init__(self, values):
        self.values, self.asked = values, []

    def __len__(self):
        return len(self.values)

    def __getitem__(self, part):
        self.asked.append((part.start, part.stop))
        return self.values[part]


def test_arrays_are_read_in_blocks():
    source = Recorded(np.arange(200_000.0))
    stimulus = stimuli.from_array(source)
    assert source.asked == []
    assert stimulus == stimuli.from_array(source) != stimuli.from_array(Recorded(source.values))
    assert stimulus.steps == 200_000
    reader = stimulus.reader(DT)
    for steps in (1, 32_768, 99_999):
        np.testing.assert_array_equal(
            reader.read(steps), np.arange(200_000.0)[reader.step - steps : reader.step]
        )
    assert source.asked == [(0, 1), (1, 32_769), (32_769, 98_305), (98_305, 132_768)]


def test_arrays_of_many_types_are_accepted(tmp_path):
    stored = np.memmap(tmp_path / "stored", np.float32, "w+", shape=300)
    stored[:] = np.arange(300) / 8
    zarrs = zarr.create_array(tmp_path / "zarr", shape=300, chunks=100, dtype="f8")
    zarrs[:] = np.arange(300)
    ints = np.arange(300, dtype=np.uint8)
    for values in (
        *(stored, zarrs, ints, ints > 9, ints.astype(">i4"), ints[::-1], list(range(300))),
        *(tuple(range(300)), range(300), memoryview(ints), np.ma.array(ints)),
    ):
        stimulus = stimuli.from_array(values)
        got = stimulus.to_array(300, DT)
        assert got.dtype == np.float64
        np.testing.assert_array_equal(got, np.asarray(values[:]))
        assert stimulus.description() == {"kind": "from_array", "steps": 300}
    pandas = pytest.importorskip("pandas")
    labelled = pandas.Series(np.arange(9.0), index=np.arange(9.0) * 10)
    np.testing.assert_array_equal(stimuli.from_array(labelled).to_array(9, DT), np.arange(9.0))


def test_lists_are_copied():
    values = [1.0, 2.0]
    stimulus = stimuli.from_array(values)
    values[0] = 9
    np.testing.assert_array_equal(stimulus.to_array(2, DT), [1, 2])


# Sums


def test_sums_are_flat_and_add_from_left_to_right():
    a, b, c = (EXAMPLES[name] for name in ("sine", "noise", "step"))
    assert a + (b + c) == (a + b) + c == sum([a, b, c])
    assert (a + b) != (b + a)
    assert 0 + a is a
    assert a + 0 is a
    assert sum([a]) is a
    assert repr(2 + a + 3) == f"constant(2) + {a!r} + constant(3)"
    assert np.float64(2) + a == stimuli.constant(2) + a
    assert a + np.array(2) == a + 2
    whole = (WHOLE["sine"] + WHOLE["noise"]) + WHOLE["step"]
    np.testing.assert_array_equal((a + b + c).to_array(2_000, DT), whole)


def test_sum_has_as_many_steps_as_its_shortest_part():
    long, short = stimuli.from_array(np.zeros(9)), stimuli.from_array(np.zeros(5))
    assert (long + 1 + short).steps == 5
    assert (stimuli.constant(1) + 2).steps is None
    assert stimuli.from_array([]).to_array(0, DT).shape == (0,)


# Figures


@pytest.fixture
def _without_a_screen():
    mpl.use("agg")
    yield
    mpl.pyplot.close("all")


@pytest.mark.usefixtures("_without_a_screen")
def test_many_steps_are_decimated_in_figures(monkeypatch):
    monkeypatch.setattr("pyhh_fast.validation.BLOCK", 1_000)
    stimulus = stimuli.ornstein_uhlenbeck(0, 1, 50, 1) + stimuli.pulses(30, DT, 1e4, 7_777.77)
    steps = 2_345_678
    (line,) = stimulus.plot(steps, DT).axes[0].lines
    times, drawn = line.get_data()
    assert 2_000 < len(times) <= 4_001
    values = stimulus.to_array(steps, DT)
    index = np.round(times / DT).astype(int)
    assert index[-1] == steps
    assert (np.diff(index) > 0).all()
    np.testing.assert_array_equal(drawn[:-1], values[index[:-1]])
    width = -(-steps // 1_000)
    for start in range(0, steps, width):
        there = drawn[:-1][(start <= index[:-1]) & (index[:-1] < start + width)]
        part = values[start : start + width]
        assert (there[0], there[-1]) == (part[0], part[-1])
        assert (there.min(), there.max()) == (part.min(), part.max())


@pytest.mark.usefixtures("_without_a_screen")
def test_ten_million_steps_can_be_drawn():
    figure = (stimuli.step(5, 1e4, 9e4) + stimuli.sine(1, 3)).plot(10_000_000, DT)
    assert figure.axes[0].lines[0].get_xdata()[-1] == 1e5
