"""The process pool: order, bounded hand-out, errors, and workers that end with their parent."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import psutil
import pytest

from assay.errors import UnreadableImage
from assay.parallel import ITEMS_IN_FLIGHT, cores, parallel_map


def square(number: int, offset: int = 0) -> int:
    if number < 0:
        raise UnreadableImage(f"no square of {number}")
    return number * number + offset


def process(_: int) -> int:
    return os.getpid()


def blas_threads(_: int) -> list[int]:
    import numpy as np
    from threadpoolctl import threadpool_info

    assert np.ones(2).sum() == 2
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


def survive_sigterm(number: int) -> int:
    os.kill(os.getppid(), signal.SIGTERM)  # the fork server
    os.kill(os.getpid(), signal.SIGTERM)
    return number


def test_workers_finish_their_work_when_a_supervisor_ends_the_whole_tree() -> None:
    assert list(parallel_map(survive_sigterm, range(4), workers=2)) == [0, 1, 2, 3]


def test_cores_is_positive() -> None:
    assert cores() >= 1


def test_cores_heed_a_limit_beside_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    assert cores() == 1


def test_cores_are_no_more_than_this_process_may_run_on() -> None:
    command = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
    command += "from assay.parallel import cores; print(cores())"
    root = Path(__file__).parent.parent
    assert subprocess.check_output([sys.executable, "-c", command], cwd=root, text=True) == "1\n"


@pytest.mark.parametrize("workers", [1, 2])
def test_parallel_map_keeps_the_order(workers: int) -> None:
    assert list(parallel_map(partial(square, offset=1), range(20), workers)) == [
        number * number + 1 for number in range(20)
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_parallel_map_raises_what_the_work_raises(workers: int) -> None:
    with pytest.raises(UnreadableImage, match="no square of -1"):
        list(parallel_map(square, [1, -1, 2], workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_parallel_map_gives_each_worker_one_blas_thread(workers: int) -> None:
    threads = [
        count for counts in parallel_map(blas_threads, range(2), workers) for count in counts
    ]
    assert set(threads) == {1}


def test_parallel_map_works_in_other_processes() -> None:
    assert os.getpid() not in set(parallel_map(process, range(4), 2))


def test_parallel_map_draws_items_lazily() -> None:
    drawn: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            drawn.append(number)
            yield number

    results = parallel_map(square, items(), 2)
    next(results)
    assert len(drawn) == 2 * ITEMS_IN_FLIGHT
    results.close()  # type: ignore[attr-defined]


def waiting_script(folder: Path) -> subprocess.Popen[str]:
    """A process whose two workers wait for ever; it prints a line when both are at work."""
    script = folder / "waiting.py"
    script.write_text(
        textwrap.dedent(
            """
            import pathlib, signal, sys, time
            from assay.parallel import parallel_map

            def wait(path):
                path.touch()
                while not path.with_suffix(".stop").exists():
                    time.sleep(0.02)

            if __name__ == "__main__":
                # A test run in the background of a shell inherits that Ctrl-C is ignored.
                signal.signal(signal.SIGINT, signal.default_int_handler)
                paths = [pathlib.Path(sys.argv[1], name) for name in ("one", "two")]
                list(parallel_map(wait, paths, 2))
            """
        )
    )
    command = [sys.executable, str(script), str(folder)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    running = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    while not ((folder / "one").exists() and (folder / "two").exists()):
        assert running.poll() is None
    return running


def test_workers_leave_with_a_killed_parent(tmp_path: Path) -> None:
    running = waiting_script(tmp_path)
    descendants = psutil.Process(running.pid).children(recursive=True)
    running.kill()
    running.communicate()
    _, alive = psutil.wait_procs(descendants, timeout=20)
    assert alive == []


def test_interrupt_ends_with_one_traceback(tmp_path: Path) -> None:
    running = waiting_script(tmp_path)
    descendants = psutil.Process(running.pid).children(recursive=True)
    for worker in [*descendants, psutil.Process(running.pid)]:  # as a terminal does
        worker.send_signal(signal.SIGINT)
    (tmp_path / "one.stop").touch()
    (tmp_path / "two.stop").touch()
    errors = running.communicate(timeout=30)[1]
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert psutil.wait_procs(descendants, timeout=20)[1] == []


def test_what_cannot_be_sent_fails_at_once() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        list(parallel_map(lambda item: item, range(4), workers=2))
