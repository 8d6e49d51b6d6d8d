"""Shared by the fuzzers: cases that follow from a seed, run in a child process with limits.

A fuzzer is a function `case(number, seed, report)`. The child reports each case and each call, so
that a crash, a hang or exhausted memory is attributed to its case.
"""

import argparse
import collections
import contextlib
import faulthandler
import json
import os
import random
import resource
import select
import signal
import subprocess
import sys
import tempfile
import time
import traceback

CTRL_C_AFTER = 4
"""Seconds of computing after which a call gets what Ctrl-C gives: some are right to take hours."""

HANGS_AFTER = 300
"""Seconds after which a call that waits, or has not even heard that, counts as one that hangs."""

MEMORY = 6 * 2**30
"""Bytes of address space of the child, 64 MB of them for each thread's heap."""


class Failure(Exception):
    """Something that must never happen; the text says what, and in which calls."""


def main(script, case):
    """Run cases for some time, or one of them; return the exit code."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--case", type=int, help="run this one alone, in this process")
    parser.add_argument("--keep-going", action="store_true", help="after the first failure")
    parser.add_argument("--child", type=int, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return _child(case, options.seed, *options.child)
    if options.case is not None:
        _limit()
        try:
            case(options.case, options.seed, print)
        except Failure as failure:
            print(f"\n{failure}")
            return 1
        return 0
    print(f"{os.path.basename(script)} --seed {options.seed}", flush=True)
    return _parent(script, options)


def _parent(script, options):
    outcomes, failures, number = collections.Counter(), collections.Counter(), 0
    end = time.monotonic() + options.seconds

    def failed(number, failure):
        kind = failure.splitlines()[0]
        failures[kind] += 1
        if failures[kind] == 1:
            repeat = f"python tests/fuzzers/{os.path.basename(script)} --seed {options.seed}"
            print(f"\nFAILED: {failure}\nRepeat: {repeat} --case {number}", flush=True)
        return not options.keep_going

    while time.monotonic() < end and (options.keep_going or not failures):
        number = 1 + _watch(script, options.seed, number, end, outcomes, failed)
    total = collections.Counter()
    for (_, outcome), times in outcomes.items():
        total[outcome] += times
    for name in sorted({name for name, _ in outcomes}):
        of = ", ".join(f"{outcomes[name, o]} {o}" for o in sorted(total) if outcomes[name, o])
        print(f"  {name}: {of}")
    print(f"{number} cases, {total.total()} calls:", end=" ")
    print(", ".join(f"{times} {outcome}" for outcome, times in sorted(total.items())))
    for kind, times in failures.items():
        print(f"failed {times} times: {kind}")
    return 1 if failures else 0


def _watch(script, seed, first, end, outcomes, failed):
    """Run cases in a child until time is up, or it ends; return the number of the last one."""
    reading, writing = os.pipe()
    command = [sys.executable, script, "--seed", str(seed), "--child", str(writing), str(first)]
    number, call, partial, stop = first, "", b"", False
    with tempfile.TemporaryFile() as errors, os.fdopen(reading, "rb", 0) as pipe:
        child = subprocess.Popen(
            command, pass_fds=[writing], stdout=errors, stderr=errors, start_new_session=True
        )
        os.close(writing)
        ready = True
        while not stop and (ready := select.select([pipe], [], [], HANGS_AFTER + 60)[0]):
            if not (more := pipe.read(2**16)):
                break
            *lines, partial = (partial + more).split(b"\n")
            for kind, value in map(json.loads, lines):
                if kind == "begin":
                    number, stop = value, stop or time.monotonic() > end
                elif kind == "call":
                    call = value
                elif kind == "failure":
                    stop = failed(number, value)
                else:
                    outcomes[kind, value] += 1
                if stop:
                    break
        if stop or not ready:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
        code = child.wait()
        if not stop:
            errors.seek(0)
            last = errors.read()[-6000:].decode(errors="replace")
            how = "hangs" if "Timeout (" in last or not ready else f"ends with {code}"
            failed(number, f"the process {how} in {call.splitlines()[-1:]}\n{last}\n{call}")
    return number


def _child(case, seed, number, first):
    def report(kind, value):
        os.write(number, json.dumps([kind, value]).encode() + b"\n")

    _limit()
    faulthandler.enable(sys.__stderr__)
    while True:
        report("begin", first)
        try:
            case(first, seed, report)
        except Failure as failure:
            report("failure", str(failure))
        first += 1


def _limit():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPROF, signal.default_int_handler)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


@contextlib.contextmanager
def limited_time():
    """Interrupt what runs longer, as Ctrl-C does; if that is ignored, end the process."""
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=sys.__stderr__)
    signal.setitimer(signal.ITIMER_PROF, CTRL_C_AFTER)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        faulthandler.cancel_dump_traceback_later()


def where(error):
    """Return the innermost function of the package in an error's traceback."""
    frames = traceback.extract_tb(error.__traceback__)
    inside = [frame for frame in frames if "pyhh_fast" in frame.filename]
    frame = (inside or frames)[-1]
    return f"{os.path.basename(frame.filename)}, {frame.name}"
