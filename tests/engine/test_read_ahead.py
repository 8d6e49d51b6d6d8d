"""The stimulus of a run, some steps at a time: the same values, however they are asked for."""

import gc
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyhh_fast import stimuli
from pyhh_fast.engine.read_ahead import Feed, seen

STEPS = 1_000
NOISE = stimuli.ornstein_uhlenbeck(1, 2, 3, seed=4) + stimuli.poisson_epsc(900, 1, 2, seed=5)
VALUES = NOISE.to_array(STEPS, 0.1)


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(Feed, "BLOCK", 64)


@given(st.lists(st.integers(1, 200)), st.integers(0, STEPS), st.integers(0, 30))
def test_windows_of_any_length(lengths, begin, back):
    reader = NOISE.reader(0.1)
    reader.read(begin)
    feed, start = Feed(NOISE, STEPS, 0.1, begin, reader.state), begin
    for length in lengths:
        stop = min(start + length, STEPS)
        np.testing.assert_array_equal(feed.window(start, stop), VALUES[start:stop])
        middle = (start + stop) // 2
        np.testing.assert_array_equal(feed.window(middle, stop), VALUES[middle:stop])
        earlier = max(begin, stop - back)
        np.testing.assert_array_equal(feed.again(earlier, stop), VALUES[earlier:stop])
        further = NOISE.reader(0.1, feed.state_at(middle)).read(STEPS - middle)
        np.testing.assert_array_equal(further, VALUES[middle:])
        start = stop


def test_an_array_is_given_as_it_is():
    feed = Feed(VALUES, STEPS, 0.1)
    assert np.shares_memory(feed.window(3, 7), VALUES)
    np.testing.assert_array_equal(feed.again(100, 300), VALUES[100:300])
    assert feed.state_at(500) == VALUES[436:500].tolist()
    assert feed.state_at(2) == VALUES[:2].tolist()
    assert seen(np.broadcast_to(1.0, 10), 5) == []


def test_an_error_shows_where_its_values_are_wanted():
    values = np.zeros(STEPS)
    values[200] = np.nan
    feed = Feed(stimuli.from_array(values), STEPS, 0.1)
    assert feed.window(0, 192).size == 192
    for _ in range(2):
        with pytest.raises(ValueError, match="got nan at index 200"):
            feed.window(192, 256)


def test_the_next_block_is_read_while_this_one_is_used():
    asked = []

    class Slow:
        steps = None

        def reader(self, dt, state=None):
            return self

        state = None

        def read(self, steps):
            asked.append(threading.current_thread())
            return np.zeros(steps)

    feed = Feed(Slow(), STEPS, 0.1)
    feed.window(0, 64)
    deadline = time.monotonic() + 5
    while len(asked) < 2 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert len(asked) == 2
    assert threading.main_thread() not in asked


def test_no_thread_is_left():
    def ours():
        return [t for t in threading.enumerate() if t.name.startswith("pyhh_fast stimulus")]

    feed = Feed(NOISE, STEPS, 0.1)
    feed.window(0, 100)
    assert ours()
    del feed
    gc.collect()
    deadline = time.monotonic() + 5
    while ours() and time.monotonic() < deadline:
        time.sleep(0.001)
    assert ours() == []
