"""Tasks of several threads: each is made once, in the order of its share, one chunk ahead."""

import threading
import time

import hypothesis
import pytest
from hypothesis import strategies as st

from pyhh_fast.system.schedule import Schedule, Task


class Work:
    """Tasks as a schedule makes them, with what must hold whenever one begins."""

    def __init__(self, shares, steps, lengths, *, fail=(), wait=lambda task: None):
        self.made = [[] for _ in range(shares)]
        self.borders, self._lengths, self._steps = [0], lengths, steps
        self._fail, self._wait = fail, wait
        self.furthest = 0
        self.schedule = Schedule(shares, steps, self._begin_chunk, self._make)

    def _begin_chunk(self, start):
        chunk = len(self.borders) - 1
        assert start == self.borders[-1]
        assert min(map(len, self.made)) >= chunk - 1
        if (chunk, None) in self._fail:
            raise OSError(chunk)
        self.borders.append(min(start + self._lengths[chunk % len(self._lengths)], self._steps))
        return self.borders[-1]

    def _make(self, task):
        own = self.made[task.share]
        assert task == Task(len(own), task.share, *self.borders[task.chunk : task.chunk + 2])
        self.furthest = max(self.furthest, task.chunk - min(map(len, self.made)))
        self._wait(task)
        if (task.chunk, task.share) in self._fail:
            raise OSError(task.chunk)
        own.append(task)

    def run(self, threads):
        self.seen = []
        self.schedule.run(threads, lambda: self.seen.append(self.schedule.complete[1]))


works = {
    "shares": st.integers(1, 7),
    "steps": st.integers(0, 40),
    "lengths": st.lists(st.integers(1, 9), min_size=1, max_size=4),
    "threads": st.integers(1, 9),
}


@hypothesis.given(**works, naps=st.lists(st.sampled_from([0, 0, 1e-4, 1e-3]), min_size=1))
@hypothesis.settings(max_examples=60, deadline=None)
def test_all_tasks_are_made(shares, steps, lengths, threads, naps):
    work = Work(
        shares,
        steps,
        lengths,
        wait=lambda task: time.sleep(naps[(task.chunk + 3 * task.share) % len(naps)]),
    )
    work.run(threads)
    chunks = len(work.borders) - 1
    assert work.schedule.complete == (chunks, steps)
    assert {len(made) for made in work.made} == {chunks}
    assert work.furthest <= 1
    assert work.seen == sorted(work.seen)
    assert work.seen[-1] == steps


@hypothesis.given(
    **works,
    fail=st.sets(
        st.tuples(st.integers(0, 5), st.none() | st.integers(0, 6)), min_size=1, max_size=3
    ),
)
@hypothesis.settings(max_examples=60, deadline=None)
def test_chunks_before_that_of_an_error_are_made(shares, steps, lengths, threads, fail):
    possible = [chunk for chunk, share in fail if share is None or share < shares]
    work = Work(shares, steps, lengths, fail=fail)
    without = Work(shares, steps, lengths)
    without.run(1)
    first = min(possible, default=99)
    if first >= len(without.borders) - 1:
        work.run(threads)
        assert work.schedule.complete == without.schedule.complete
        return
    with pytest.raises(OSError, match=str(first)):
        work.run(threads)
    assert work.schedule.complete == (first, without.borders[first])


def test_share_may_be_one_chunk_ahead_of_the_slowest():
    ahead = threading.Event()

    def wait(task):
        if task == Task(0, 0, 0, 5):
            assert ahead.wait(30)
            time.sleep(0.01)  # in which nobody makes a third
        if task.chunk == 1 and task.share == 1:
            ahead.set()

    work = Work(2, 20, [5], wait=wait)
    work.run(2)
    assert work.furthest == 1


def test_error_of_the_earliest_chunk_is_raised():
    failed = threading.Event()

    def wait(task):
        if task.share == 0:
            assert failed.wait(30)
        elif task.chunk == 1:
            failed.set()

    work = Work(2, 20, [5], fail={(0, 0), (1, 1)}, wait=wait)
    with pytest.raises(OSError, match="0"):
        work.run(2)
    assert work.schedule.complete == (0, 0)


@pytest.mark.parametrize("threads", [1, 3])
def test_ctrl_c_ends_each_thread_with_its_task(threads):
    def wait(task):
        if threads > 1:
            time.sleep(1e-4)
        elif task.chunk == 3 and task.share == 2:
            raise KeyboardInterrupt

    work = Work(4, 10**9, [10], wait=wait)

    def show():
        if work.schedule.complete[0] >= 3 and threads > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.schedule.run(threads, show)
    chunks, steps = work.schedule.complete
    assert chunks >= 3
    assert steps == 10 * chunks == 10 * min(map(len, work.made))
    assert max(map(len, work.made)) <= chunks + 2
    assert not [one for one in threading.enumerate() if one.name.startswith("pyhh_fast")]


def test_nothing_to_do():
    for shares, steps in [(0, 7), (3, 0)]:
        work = Work(shares, steps, [2])
        work.run(2)
        assert work.schedule.complete == (0, steps)
