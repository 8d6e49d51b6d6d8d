"""Reading ahead of a stimulus: the same values, whatever blocks are requested."""

import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast import stimuli
from pyhh_fast.engine.read_ahead import ReadAhead, fingerprint
from pyhh_fast.engine.stimulus_arguments import normalise_stimulus

STEPS = 1_000
NOISE = stimuli.ornstein_uhlenbeck(1, 2, 3, seed=4) + stimuli.poisson_epsc(900, 1, 2, seed=5)
VALUES = NOISE.to_array(STEPS, 0.1)


def reader_threads():
    return [t for t in threading.enumerate() if t.name.startswith("pyhh_fast stimulus")]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(ReadAhead, "BLOCK", 64)


@given(st.lists(st.integers(1, 200)), st.integers(0, STEPS), st.integers(0, 30))
def test_blocks_of_any_length_have_the_same_values(lengths, begin, back):
    reader = NOISE.reader(0.1)
    reader.read(begin)
    read_ahead, start = ReadAhead(NOISE, STEPS, 0.1, begin, reader.state), begin
    for length in lengths:
        stop = min(start + length, STEPS)
        np.testing.assert_array_equal(read_ahead.window(start, stop), VALUES[start:stop])
        middle = (start + stop) // 2
        np.testing.assert_array_equal(read_ahead.window(middle, stop), VALUES[middle:stop])
        earlier = max(begin, stop - back)
        np.testing.assert_array_equal(read_ahead.reread(earlier, stop), VALUES[earlier:stop])
        further = NOISE.reader(0.1, read_ahead.state_at(middle)).read(STEPS - middle)
        np.testing.assert_array_equal(further, VALUES[middle:])
        start = stop


@given(st.lists(st.integers(1, 200)))
def test_blocks_of_any_length_have_the_same_conductances(lengths):
    stimulus = stimuli.conductance(NOISE, -70) + NOISE
    I, G = stimulus.to_arrays(STEPS, 0.1)  # noqa: E741
    read_ahead, start = ReadAhead(stimulus, STEPS, 0.1), 0
    for length in lengths:
        stop = min(start + length, STEPS)
        np.testing.assert_array_equal(read_ahead.window(start, stop), I[start:stop])
        middle = (start + stop) // 2
        np.testing.assert_array_equal(read_ahead.conductances(middle, stop), G[middle:stop])
        np.testing.assert_array_equal(read_ahead.reread(middle, stop), I[middle:stop])
        np.testing.assert_array_equal(read_ahead.reread_conductances(middle, stop), G[middle:stop])
        further = stimulus.reader(0.1, read_ahead.state_at(middle)).read_arrays(STEPS - middle)
        np.testing.assert_array_equal(further, [I[middle:], G[middle:]])
        start = stop


@pytest.mark.parametrize("stimulus", [VALUES, NOISE, stimuli.constant(2)], ids=["array", "", "2"])
def test_what_does_not_conduct_has_no_conductances(stimulus):
    read_ahead = ReadAhead(stimulus, STEPS, 0.1)
    read_ahead.window(0, 10)
    assert read_ahead.conductances(0, 10) is None
    assert read_ahead.reread_conductances(0, 10) is None


def test_arrays_are_not_copied():
    read_ahead = ReadAhead(VALUES, STEPS, 0.1)
    assert np.shares_memory(read_ahead.window(3, 7), VALUES)
    np.testing.assert_array_equal(read_ahead.reread(100, 300), VALUES[100:300])
    assert read_ahead.state_at(500) == VALUES[436:500].tolist()
    assert read_ahead.state_at(2) == VALUES[:2].tolist()
    assert fingerprint(VALUES, 5) == VALUES[:5].tolist()


def test_a_constant_is_one_number_however_long_and_needs_no_thread():
    before = set(reader_threads())  # of earlier tests, about to end
    constant, steps = normalise_stimulus(np.float32(2.5), 1e12, 1.0)
    assert (constant, steps) == (stimuli.constant(2.5), 10**12)
    read_ahead = ReadAhead(constant, steps, 1.0)
    assert read_ahead.window(7, 10**12).strides == (0,)
    assert read_ahead.block_length == 10**12
    assert set(read_ahead.window(3, 60)) == set(read_ahead.reread(3, 60)) == {2.5}
    assert read_ahead.state_at(5) == []
    assert before.issuperset(reader_threads())


def test_other_objects_with_a_reader_are_refused():
    class Table:
        def reader(self, path):
            return path

    with pytest.raises(TypeError, match=r"^stimulus must be a 1-D array of finite numbers"):
        normalise_stimulus(Table(), None, 0.1)


def test_error_is_raised_at_the_block_that_has_it():
    values = np.zeros(STEPS)
    values[200] = np.nan
    read_ahead = ReadAhead(stimuli.from_array(values), STEPS, 0.1)
    assert read_ahead.window(0, 192).size == 192
    for _ in range(2):
        with pytest.raises(ValueError, match="got nan at index 200"):
            read_ahead.window(192, 256)


def test_next_block_is_read_in_another_thread():
    readers = []

    class Slow:
        conducts = False

        def reader(self, dt, state=None):
            return self

        state = None

        def _read(self, steps, arrays):
            readers.append(threading.current_thread())
            return np.zeros((arrays, steps))

    read_ahead = ReadAhead(Slow(), STEPS, 0.1)
    read_ahead.window(0, 64)
    deadline = time.monotonic() + 5
    while len(readers) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(readers) == 2
    assert threading.main_thread() not in readers


def test_thread_ends_with_its_reader():
    read_ahead = ReadAhead(NOISE, STEPS, 0.1)
    read_ahead.window(0, 100)
    assert reader_threads()
    del read_ahead
    gc.collect()
    deadline = time.monotonic() + 5
    while reader_threads() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert reader_threads() == []
