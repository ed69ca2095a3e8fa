"""CPU time and memory of other processes: all of a family counts, and one that ends meanwhile ends no run."""

import os
import subprocess
import sys

from benchmarks.processes import cpu_seconds, parent_of, resident_bytes

BURN = "import time\nwhile time.process_time() < {seconds}: pass\nprint('burnt', flush=True)\ninput()"


def burning(code: str) -> "subprocess.Popen[str]":
    """A process that says when it has used its CPU time, and then waits."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "burnt\n" == process.stdout.readline()
    return process


def test_what_a_process_and_its_threads_used_is_read() -> None:
    """At least what it says it used; and we are its parent."""
    with burning(BURN.format(seconds=0.1)) as process:
        assert 0.1 <= cpu_seconds(process.pid)
        assert 1_000_000 < resident_bytes(process.pid)
        assert os.getpid() == parent_of(process.pid)
        process.communicate("\n")


def test_children_count_alive_and_ended() -> None:
    """The time of a child is in that of its parent, before and after it ended."""
    child = BURN.format(seconds=0.1).replace("\ninput()", "")
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {child!r}], check=True)\ninput()"
    with burning(code) as process:
        before = cpu_seconds(process.pid)
        process.communicate("\n")
    assert 0.1 <= before


def test_a_process_that_has_ended_costs_nothing_more() -> None:
    """Children come and go while a family is looked at."""
    with burning(BURN.format(seconds=0)) as process:
        process.communicate("\n")
        assert 0 <= cpu_seconds(os.getpid())
    assert 0 == resident_bytes(process.pid)
