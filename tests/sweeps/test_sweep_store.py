"""The store of a sweep: completed chunks are kept, and only these are used on resume."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import partial

import numpy as np
import pytest
from other_processes import ENVIRONMENT
from store_files import files, killed_at_file
from sweep_runs import GRID, SPAWN, WAVE, cut, raises, short

import pyhh_fast as pyhh
from pyhh_fast.kinetics.evaluated import Evaluated
from pyhh_fast.storage import stored_tables
from pyhh_fast.sweeps import run
from pyhh_fast.sweeps.tasks import Chunk

xarray = pytest.importorskip("xarray", reason="sweeps need the extra 'sweep'")
zarr = pytest.importorskip("zarr", minversion="3", reason="stores are opened with it")

from sweep_models import Warm, deadly, peaks  # noqa: E402

same = xarray.testing.assert_identical


@pytest.fixture
def out(tmp_path, monkeypatch):
    """A path for a store whose chunks have five points."""
    cut(monkeypatch, 5)
    return tmp_path / "deep" / "sweep.zarr"


@pytest.fixture
def computed(monkeypatch):
    """Which chunks were done; after as many as `computed.most` Ctrl-C comes."""

    class Computed(list):
        most = np.inf

    done, compute = Computed(), run.compute

    def counted(task, part, rates):
        if len(done) >= done.most:
            raise KeyboardInterrupt
        outcome = compute(task, part, rates)
        if isinstance(outcome, Chunk):
            done.append(part)
        return outcome

    monkeypatch.setattr(run, "compute", counted)
    return done


@pytest.mark.parametrize("kind", [pyhh.HHModel, Warm])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"reduce": "final_StateN", "stimulus": WAVE},
        {"reduce": peaks, "record": ["Vm"]},
        {
            "product": False,
            "grid": {"gNa": np.linspace(90, 120, 17), "gK": np.linspace(20, 40, 17)},
        },
    ],
    ids=["counts", "numbers", "rows", "zipped"],
)
def test_stored_sweep_opened_by_xarray_equals_the_result(out, options, kind):
    result = short(kind.at_rest(), out=out, **options)
    same(result, short(kind.at_rest(), **options))
    with xarray.open_zarr(out) as opened:
        same(opened.load(), result)
    group = zarr.open_group(out, mode="r")
    for name in result.variables:
        np.testing.assert_array_equal(group[name], result[name])


def test_zarr_lists_the_rate_table(out):
    short(Warm.at_rest(), out=out)
    found = dict(zarr.open_group(out, mode="r", use_consolidated=False).members(max_depth=None))
    (table,) = stored_tables.found(out)
    name = f"rates/{stored_tables.name_of(table)}"
    assert set(found) == {*GRID, "spike_counts", "diverged_at", "rates", name}
    np.testing.assert_array_equal(found[name], table.rows)


def test_finished_sweep_is_not_computed_again(out, computed):
    result = short(out=out)
    chunks = len(computed)
    assert chunks > 5
    before = files(out)
    same(short(out=str(out)), result)
    assert len(computed) == chunks
    assert files(out) == before


@pytest.mark.parametrize(
    "options", [{}, {"reduce": "final_Vm"}, {"reduce": peaks, "record": ["Vm"]}]
)
def test_interrupted_sweep_continues(out, computed, options):
    expected = short(**options)
    name = list(expected.data_vars)[1]
    computed.clear()
    computed.most = 2
    with pytest.raises(KeyboardInterrupt):
        short(out=out, **options)
    with xarray.open_zarr(out) as opened:
        unfinished = opened.load()
    done = unfinished.diverged_at.values != -2
    assert done.sum() == 8
    values, whole = unfinished[name].values, expected[name].values
    np.testing.assert_array_equal(values[done], whole[done])
    assert (np.isnan(values[~done]) | (values[~done] == -2)).all()
    computed.most = np.inf
    same(short(out=out, **options), expected)
    points = [tuple(map(tuple, part.values())) for part in computed]
    assert len(set(points)) == len(points) == 9


def flipped(content, place):
    changed = bytearray(content)
    changed[place] ^= 1
    return bytes(changed)


DAMAGES = {
    "empty": lambda content: b"",
    "cut short": lambda content: content[:-8],
    "longer": lambda content: content + b"1",
    "twice": lambda content: content * 2,
    "first byte": lambda content: flipped(content, 0),
    "another byte": lambda content: flipped(content, 6),
    "last byte": lambda content: flipped(content, -1),
}


@pytest.mark.parametrize("damage", [*DAMAGES, "sparse", "gone"])
@pytest.mark.parametrize("name", ["final_Vm", "diverged_at"])
def test_damaged_chunk_is_computed_again(out, computed, name, damage):
    expected = short(out=out, reduce="final_Vm")
    before = files(out)
    chunk = out / name / "c/1/0/0"
    if damage == "gone":
        chunk.rename(f"{chunk}.part")
    elif damage == "sparse":
        os.truncate(chunk, 2**36)
    else:
        chunk.write_bytes(DAMAGES[damage](chunk.read_bytes()))
    if damage in ("first byte", "another byte"):  # Zarr's library finds it, too
        with pytest.raises(ValueError, match="checksum"):
            zarr.open_group(out, mode="r")[name][:]
    computed.clear()
    same(short(out=out, reduce="final_Vm"), expected)
    assert len(computed) == 1
    assert {key: kept for key, kept in files(out).items() if not key.endswith(".part")} == before


def test_store_with_another_chunk_size_is_refused(out, monkeypatch):
    short(out=out)
    cut(monkeypatch, 1_000)
    message = (
        f"out must be a store of this sweep, or new; got {str(out)!r} with a diverged_at/zarr.json "
        "that has chunk_grid {'configuration': {'chunk_shape': [1, 2, 2]}, 'name': 'regular'} "
        "instead of {'configuration': {'chunk_shape': [3, 5, 2]}, 'name': 'regular'}. Name "
        "another, or remove it."
    )
    with raises(ValueError, message):
        short(out=out)


@pytest.mark.parametrize("stage", range(1, 9))
def test_partly_created_store_is_completed(out, stage):
    """Killed at each of the first files, the next run finishes what there is."""
    with killed_at_file(stage):
        short(Warm.at_rest(), out=out)
    same(short(Warm.at_rest(), out=out), short(Warm.at_rest()))
    assert not list(out.rglob("*.part"))
    with xarray.open_zarr(out) as opened:
        same(opened.load(), short(Warm.at_rest()))


@pytest.mark.parametrize("done", [1, 2])
def test_continued_sweep_uses_stored_rates_and_start(out, computed, monkeypatch, done):
    """Another machine finds others by some last bits; what is done was computed with these."""
    grid = {"current": np.repeat([20.0, -60.0, 15.0, -55.0], 5) + np.arange(20) / 100}
    options = {"grid": grid, "reduce": "final_StateN", "method": "exponential_euler"}
    expected = short(Warm.at_rest(), **options).final_StateN.values
    computed.clear()
    computed.most = done
    with pytest.raises(KeyboardInterrupt):
        short(Warm.at_rest(), out=out, **options)
    computed.most = np.inf
    rates_at = Evaluated.rates_at
    monkeypatch.setattr(Evaluated, "rates_at", lambda self, V: rates_at(self, V) * (1 + 4e-15))
    model = Warm.at_rest()
    model.Vm += 1e-10
    result = short(model, out=out, **options).final_StateN.values
    # The second chunk is the first that goes below -50 mV.
    known = slice(None) if done > 1 else grid["current"] > 0
    np.testing.assert_array_equal(result[known], expected[known])
    assert not np.equal(short(model, **options).final_StateN, expected).any()


class Cooled(Warm):
    factor = 1.9


OTHERS = {
    "dt": ({"dt": 0.02}, "dt 0.01 instead of 0.02"),
    "steps": ({"duration": 14.0}, "steps 1500 instead of 1400"),
    "stimulus": ({"stimulus": 3.0}, "stimulus 2.0 instead of 3.0"),
    "method": ({"method": "rk4"}, "method 'euler' instead of 'rk4'"),
    "reduce": ({"reduce": "final_Vm"}, "reduce 'spike_counts' instead of 'final_Vm'"),
    "record": ({"record": ["Vm"]}, "record [] instead of ['Vm']"),
    "names": ({"grid": {"gK": [1.0]}}, "grid ['gNa', 'current', 'EKleak'] instead of ['gK']"),
    "order": (
        {"grid": {name: GRID[name] for name in ("gNa", "EKleak", "current")}},
        "grid ['gNa', 'current', 'EKleak'] instead of ['gNa', 'EKleak', 'current']",
    ),
    "values": ({"grid": GRID | {"gNa": [90.0, 100.0, 121.0]}}, "other values of gNa in its grid"),
    "number": ({"grid": GRID | {"gNa": [90.0]}}, "other values of gNa in its grid"),
    "parameter": ({"model": Warm.at_rest(gK=35)}, "gK 36.0 instead of 35.0"),
    "class": ({"model": Cooled.at_rest()}, "model 'Warm' instead of 'Cooled'"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_store_of_another_sweep_is_refused(out, other):
    options, got = OTHERS[other]
    short(Warm.at_rest(), out=out)
    before = files(out)
    message = (
        f"out must be a store of this sweep, or new; got {str(out)!r} with {got}. "
        "Name another, or remove it."
    )
    with raises(ValueError, message):
        short(**{"model": Warm.at_rest(), "out": out} | options)
    assert files(out) == before


def test_other_starts_stimuli_and_rates_are_refused(out, monkeypatch):
    model = Warm.at_rest()
    short(model, stimulus=WAVE, out=out)
    head = f"^out must be a store of this sweep, or new; got {re.escape(repr(str(out)))} with "
    with pytest.raises(
        ValueError, match=rf"{head}stimulus 'sha256 \w+' instead of 'sha256 \w+'\. "
    ):
        short(model, stimulus=WAVE + 1e-9, out=out)
    model.factor = 2.1
    with pytest.raises(ValueError, match=rf"{head}other rates of the model\. "):
        short(model, stimulus=WAVE, out=out)
    model = Warm.at_rest()
    model.h.state = 0.5
    with pytest.raises(ValueError, match=rf"{head}start \[.*\] instead of \[.*, 0.5, .*\]\. "):
        short(model, stimulus=WAVE, out=out)


@pytest.mark.parametrize("custom_first", [False, True])
def test_built_in_and_custom_rates_do_not_continue_each_other(out, custom_first):
    models = [pyhh.HHModel.at_rest(), type("HHModel", (Warm,), {}).at_rest()]
    first, second = reversed(models) if custom_first else models
    second.Vm = first.Vm
    for gate in "mhn":
        getattr(second, gate).state = getattr(first, gate).state
    short(first, out=out)
    with pytest.raises(ValueError, match=r"with other rates of the model\. Name another"):
        short(second, out=out)


def test_path_that_is_no_store_is_refused(out):
    message = (
        f"out must be a store of a sweep, or new; got {str(out)!r}, where something else is. "
        "Name another."
    )
    out.mkdir(parents=True)
    (out / "thesis.tex").write_text("all of it")
    with raises(ValueError, message):
        short(out=out)
    assert files(out) == {"thesis.tex": b"all of it"}
    shutil.rmtree(out)
    out.write_text("a file")
    with raises(ValueError, message):
        short(out=out)
    assert out.read_text() == "a file"
    out.unlink()
    xarray.Dataset({"x": ("t", [1.0])}).to_zarr(out, zarr_format=3, consolidated=False)
    with raises(ValueError, message):
        short(out=out)
    shutil.rmtree(out)
    out.mkdir()
    short(out=out)


@pytest.mark.parametrize("kept", [True, False])
def test_broken_process_pool_says_how_to_continue(out, tmp_path, kept):
    reduce = partial(deadly, tmp_path / "flag")
    options = {"out": out} if kept else {}
    advice = {
        True: "out has those; the same call with a new executor continues from there.",
        False: "With out=... what is done would be kept; call again with that and a new executor.",
    }
    message = r"the executor gave up, as it does when a worker dies \(BrokenProcessPool\), with "
    message += rf"[1-5] of 9 chunks done\. {re.escape(advice[kept])}"
    with (
        ProcessPoolExecutor(1, mp_context=SPAWN) as pool,
        pytest.raises(RuntimeError, match=f"^{message}$"),
    ):
        short(reduce=reduce, executor=pool, **options)
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        result = short(reduce=reduce, executor=pool, **options)
    np.testing.assert_array_equal(result["value"], short(reduce="final_Vm").final_Vm)


class AllAtOnce(Executor):
    """Has all done before anything is asked for, but the first, which fails so many times."""

    def __init__(self, failures):
        self.failures, self.given = failures, []

    def submit(self, fn, *arguments):
        future = Future()
        self.given.append([axis[0] for axis in arguments[1].values()])
        if self.given[-1] == self.given[0] and self.given.count(self.given[0]) <= self.failures:
            future.set_exception(ValueError("not enough values to unpack"))
        else:
            future.set_result(fn(*arguments))
        return future


def test_lost_result_is_computed_again(out, computed):
    """As Dask's does, in error, where a worker dies as its result arrives."""
    expected = short()
    computed.clear()
    same(short(executor=AllAtOnce(failures=1)), expected)
    assert len(computed) == 9


def test_error_keeps_completed_chunks(out, computed):
    executor = AllAtOnce(failures=2)
    with pytest.raises(ValueError, match=r"^not enough values to unpack$"):
        short(out=out, executor=executor)
    assert len(executor.given) == 10
    assert len(computed) == 8
    computed.clear()
    same(short(out=out), short())
    assert len(computed) == 1 + 9


def test_broken_executor_is_reported(out, tmp_path):
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^the executor gave up"):
                short(reduce=partial(deadly, tmp_path / "flag"), executor=pool, out=out)


SWEEP = """
import sys
import numpy as np
import pyhh_fast as pyhh
from pyhh_fast.sweeps import sweep
from sweep_models import Warm, slowly

sweep.LEAST_CELLS, sweep.MOST_CELLS = 1, 5
grid = {"gNa": np.linspace(90, 130, 8), "current": np.linspace(-70, 20, 10)}
print("begun", flush=True)
pyhh.sweep(Warm.at_rest(), grid, 2.0, 0.01, duration=15.0, reduce=slowly, out=sys.argv[1])
"""


def run_in_a_process(out, kill_after=None):
    """Begin or continue the sweep in a process; return its exit code."""
    command = [sys.executable, "-W", "ignore", "-c", SWEEP, str(out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env=ENVIRONMENT, cwd=sys.prefix
    ) as process:
        assert process.stdout.readline() == b"begun\n"
        try:
            process.wait(kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.returncode


@pytest.mark.parametrize("kills", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_sweep_continues_after_kills_at_random_moments(tmp_path, kills):
    whole = tmp_path / "whole.zarr"
    begun = time.perf_counter()
    assert run_in_a_process(whole) == 0
    seconds = time.perf_counter() - begun
    expected = files(whole)
    finished = xarray.open_zarr(whole).load().slowly
    rng, out, killed = np.random.default_rng(1), tmp_path / "killed.zarr", 0
    while killed < kills:
        ended = run_in_a_process(out, kill_after=rng.uniform(0, seconds / 2))
        killed += ended == -signal.SIGKILL
        if (out / "zarr.json").exists():
            here = files(out)
            for name in here.keys() & expected.keys():
                if "/c/" in name:
                    assert here[name] == expected[name]
            with xarray.open_zarr(out) as opened:
                if "slowly" in opened:
                    values = opened.load().slowly
                    assert ((values == finished) | np.isnan(values)).all()
        if ended == 0:
            assert files(out) == expected
            shutil.rmtree(out)
    assert run_in_a_process(out) == 0
    assert files(out) == expected
