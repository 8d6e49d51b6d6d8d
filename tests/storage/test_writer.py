"""The thread that writes a run's store writes in order, in bounded memory, and always ends."""

import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest
from other_processes import python

from pyhh_fast.rate_tables import RateTable
from pyhh_fast.storage import writer as store_writer
from pyhh_fast.storage.writer import MOST_WAITING, StoreWriter


class RecordingStore:
    """A store that records the calls it gets, slowly, and may fail at the call `fails`."""

    def __init__(self, seconds=0.0, fails=None):
        self.calls, self.seconds, self.fails = [], seconds, fails
        self.thread, self.begun, self.gate = None, threading.Event(), threading.Event()
        self.gate.set()

    def _do(self, *call):
        self.thread = threading.current_thread()
        self.begun.set()
        assert self.gate.wait(60)
        time.sleep(self.seconds)
        if len(self.calls) == self.fails:
            self.fails = None
            raise OSError(28, "No space left on device")
        self.calls.append(call)

    def append(self, name, values, first=None):
        self._do(name, values[0], values.size)

    def commit(self, attributes):
        self._do("commit", attributes)

    def put_table(self, table):
        self._do("table", table.first)


def block(value, size=10):
    return np.full(size, float(value))


def writer_threads():
    """Threads of writers only; Zarr has threads too."""
    return [thread for thread in threading.enumerate() if thread.name == "pyhh_fast store"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert writer_threads() == []


@pytest.fixture
def ctrl_c():
    """A function that sends SIGINT after so many seconds, as Ctrl-C does."""
    timers = []

    def after(*seconds):
        for one in seconds:
            # As from a terminal: to the process, whichever of its threads is running.
            timers.append(threading.Timer(one, signal.raise_signal, [signal.SIGINT]))
            timers[-1].start()

    yield after
    for timer in timers:
        timer.cancel()
        timer.join()


def test_blocks_are_written_in_order():
    store = RecordingStore()
    with StoreWriter(store) as writer:
        for i in range(100):
            writer.append("Vm", block(i))
            writer.append("time", block(-i))
            state = {"V": [i]}
            writer.commit(state)
            state["V"][0] = "the caller's again"
        writer.put_table(RateTable(np.zeros((1, 6, 8)), 7, 0.25))
    expected = [
        call
        for i in range(100)
        for call in (("Vm", i, 10), ("time", -i, 10), ("commit", {"V": [i]}))
    ]
    assert store.calls == [*expected, ("table", 7)]
    assert store.thread is not threading.current_thread()


def test_queue_is_bounded():
    store = RecordingStore()
    store.gate.clear()
    writer = StoreWriter(store, most_waiting=1_000)
    given = []

    def give():
        for i in range(30):
            writer.append("Vm", block(i, size=25))  # 200 bytes
            given.append(i)

    giver = threading.Thread(target=give)
    giver.start()
    time.sleep(0.3)
    assert len(given) == 5
    store.gate.set()
    giver.join()
    writer.close()
    assert [call[1] for call in store.calls] == list(range(30))


def test_block_larger_than_the_bound_is_written_alone():
    store = RecordingStore(seconds=0.02)
    with StoreWriter(store, most_waiting=100) as writer:
        for i in range(5):
            writer.append("Vm", block(i, size=1_000))
            assert len(store.calls) >= i - 1
    assert len(store.calls) == 5


def test_memory_of_the_queue_is_bounded():
    class Slow(RecordingStore):
        def append(self, name, values, first=None):
            time.sleep(0.001)

    tracemalloc.start()
    with StoreWriter(Slow()) as writer:
        for i in range(200):
            writer.append("Vm", block(i, size=2**17))  # 1 MiB
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert MOST_WAITING / 2 < peak < MOST_WAITING + 3 * 2**20


@pytest.mark.parametrize("call", ["append", "commit", "close"])
def test_error_is_raised_once_and_ends_the_writing(call):
    store = RecordingStore(fails=2)
    writer = StoreWriter(store)
    for i in range(3):
        writer.append("Vm", block(i))
    while store.fails is not None:
        time.sleep(0.001)
    time.sleep(0.05)
    arguments = {"append": ("Vm", block(3)), "commit": ({},), "close": ()}[call]
    with pytest.raises(OSError, match="No space left on device"):
        getattr(writer, call)(*arguments)
    if call != "close":
        writer.append("Vm", block(4))
        writer.commit({})
    writer.close()
    writer.close()
    assert store.calls == [("Vm", 0.0, 10), ("Vm", 1.0, 10)]


def test_error_releases_a_waiting_caller():
    store = RecordingStore(seconds=0.05, fails=1)
    writer = StoreWriter(store, most_waiting=100)

    def give():
        for i in range(20):
            writer.append("Vm", block(i))

    with pytest.raises(OSError, match="No space left on device"):
        give()
    writer.close()
    assert len(store.calls) == 1


def test_error_is_raised_at_the_end_of_a_with_block():
    with (
        pytest.raises(OSError, match="No space left on device"),
        StoreWriter(RecordingStore(fails=0)) as writer,
    ):
        writer.append("Vm", block(0))


def test_append_after_close_is_an_error():
    writer = StoreWriter(RecordingStore())
    writer.close()
    with pytest.raises(ValueError, match=r"^the writer is closed$"):
        writer.append("Vm", block(0))


def test_ctrl_c_interrupts_a_waiting_caller(ctrl_c):
    store = RecordingStore()
    store.gate.clear()
    writer = StoreWriter(store, most_waiting=100)
    writer.append("Vm", block(0))
    ctrl_c(0.1)
    begun = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        writer.append("Vm", block(1))
    assert time.perf_counter() - begun < 0.3
    store.gate.set()
    writer.commit({})
    writer.close()
    # The block whose append was interrupted is not lost.
    assert store.calls == [("Vm", 0.0, 10), ("Vm", 1.0, 10), ("commit", {})]


def test_ctrl_c_while_closing_loses_nothing(ctrl_c):
    store = RecordingStore(seconds=0.05)
    writer = StoreWriter(store)
    for i in range(10):
        writer.append("Vm", block(i))
    ctrl_c(0.1)
    with pytest.raises(KeyboardInterrupt):
        writer.close()
    assert len(store.calls) == 10
    writer.close()


def test_second_ctrl_c_drops_the_queue(ctrl_c):
    store = RecordingStore(seconds=0.1)
    writer = StoreWriter(store)
    for i in range(100):
        writer.append("Vm", block(i))
    ctrl_c(0.1, 0.3)
    begun = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        writer.close()
    assert time.perf_counter() - begun < 1
    assert 1 < len(store.calls) < 10


def test_error_is_the_cause_of_a_simultaneous_ctrl_c(ctrl_c):
    writer = StoreWriter(RecordingStore(seconds=0.2, fails=0))
    writer.append("Vm", block(0))
    ctrl_c(0.05)
    with pytest.raises(KeyboardInterrupt) as caught:
        writer.close()
    assert isinstance(caught.value.__cause__, OSError)
    writer.close()


NEVER_CLOSED = """
import sys, time
import numpy as np
from pyhh_fast.storage.writer import StoreWriter

if sys.argv[1:]:
    from pyhh_fast.storage.run_store import RunStore, StoredVariable
    store = RunStore.create(sys.argv[1], {}, {"Vm": StoredVariable("time", {})})
else:
    class Store:
        def append(self, name, values, first=None):
            time.sleep(0.05)
            print(values[0], flush=True)
    store = Store()
writer = StoreWriter(store)
if sys.argv[1:]:
    writer.commit({})
for i in range(5):
    writer.append("Vm", np.full(3, i))
    if sys.argv[1:]:
        writer.commit({})
"""


@pytest.mark.parametrize("real", [False, True])
def test_unclosed_writer_does_not_keep_python_running(tmp_path, real):
    printed, errors = python(NEVER_CLOSED, *[tmp_path / "run.zarr"] * real)
    assert errors == ""
    assert printed.split() == ([] if real else ["0", "1", "2", "3", "4"])


def test_only_the_last_commit_is_waited_for_at_the_end():
    store = RecordingStore()
    store.gate.clear()
    writer = StoreWriter(store, most_waiting=8)
    writer.commit({"number": 1})
    assert store.begun.wait(60)
    for number in range(2, 6):
        writer.commit({"number": number})
    writer.end()
    writer.append("x", block(0))  # more than may wait otherwise
    writer.append("x", block(1))
    writer.commit({"number": 6}, last=True)
    store.gate.set()
    writer.close()
    first, last = (("commit", {"number": number}) for number in (1, 6))
    assert store.calls == [first, ("x", 0.0, 10), ("x", 1.0, 10), last]


@pytest.mark.parametrize("slow", [False, True])
def test_message_about_a_slow_disk_is_shown_once(slow, monkeypatch):
    monkeypatch.setattr(store_writer, "PATIENCE", 0.01 if slow else 60)
    store, shown = RecordingStore(), []

    def show():
        shown.append(None)
        store.gate.set()

    if slow:
        store.gate.clear()
    writer = StoreWriter(store)
    writer.commit({}, last=True)
    writer.close(show)
    assert len(shown) == slow
