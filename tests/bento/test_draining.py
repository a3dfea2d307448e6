"""A real server process that is told to stop while it has work."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from assay.store import Store, StoreSettings
from tests.bento import services

IMAGES = 6
LEFT = 7
WITHIN = 20.0
"""Seconds in which a process with that much work has to be gone."""


@contextmanager
def serving(model: Path, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A server process that is ready, and a client of it."""
    port = services.free_port()
    command = [sys.executable, "-m", "tests.bento.draining_server", model, folder, str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            wait_until(lambda: is_ready(client), 120)
            yield process, client
    finally:
        process.kill()
        process.wait()


def wait_until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def detect(client: httpx.Client, seed: int) -> httpx.Response:
    return client.post("/v1/detect", files={"file": ("a.jpg", services.photo(seed))})


def in_work(client: httpx.Client) -> int:
    lines = client.get("/metrics").text.splitlines()
    return int(float(next(x.split()[-1] for x in lines if x.startswith("assay_admitted "))))


def stop_like_a_supervisor(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """SIGTERM to a process and its children, as circus sends it; all that there were below."""
    family = psutil.Process(process.pid).children(recursive=True)
    children = psutil.Process(process.pid).children()
    process.terminate()
    for child in children:
        child.send_signal(signal.SIGTERM)
    return family


def test_sigterm_under_load_finishes_what_was_accepted(served_model: Path, tmp_path: Path) -> None:
    with serving(served_model, tmp_path) as (process, client), ThreadPoolExecutor() as threads:
        asked = [threads.submit(detect, client, seed) for seed in range(IMAGES)]
        wait_until(lambda: in_work(client) == IMAGES)
        family = stop_like_a_supervisor(process)
        assert len(family) >= 2, "there is a worker process to be left behind"
        wait_until(lambda: client.get("/readyz").status_code == 503)
        late = detect(client, IMAGES)
        assert (late.status_code, late.json()["code"]) == (503, "shutting_down")
        assert int(late.headers["retry-after"]) > 0
        assert late.headers["connection"] == "close"
        assert client.get("/livez").status_code == 200
        answers = [one.result() for one in asked]
        assert [answer.status_code for answer in answers] == [200] * IMAGES
        assert process.wait(WITHIN) in (0, -signal.SIGTERM)
        assert psutil.wait_procs(family, timeout=WITHIN)[1] == []
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        assert store.spool.pending() == []
        for answer in answers:
            assert store.captures.get(answer.json()["id"]).score == answer.json()["score"]


def test_an_idle_server_ends_at_once(served_model: Path, tmp_path: Path) -> None:
    with serving(served_model, tmp_path) as (process, _):
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        process.wait(WITHIN)
        assert psutil.wait_procs(family, timeout=WITHIN)[1] == []


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_the_models_process_leaves_after_the_public_one(ending: int, tmp_path: Path) -> None:
    hold = "line.hold(); signal.signal(signal.SIGTERM, signal.SIG_DFL)"
    with started(tmp_path, hold) as public, started(tmp_path, "line.outlive_holder()") as model:
        model.terminate()
        with pytest.raises(subprocess.TimeoutExpired):
            model.wait(0.3)
        public.send_signal(ending)
        public.wait(WITHIN)
        assert model.wait(WITHIN) == LEFT
    assert list(tmp_path.iterdir()) == []


def test_one_process_that_is_both_does_not_wait_for_itself(tmp_path: Path) -> None:
    with started(tmp_path, "line.hold(); Lifeline(folder).outlive_holder()") as both:
        both.terminate()
        assert both.wait(WITHIN) == LEFT


@contextmanager
def started(folder: Path, what: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that does ``what`` with a lifeline and then waits; its own handler exits `LEFT`."""
    program = f"""
import asyncio, os, signal
from pathlib import Path
from bento.lifeline import Lifeline

async def main():
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit({LEFT}))
    folder = Path({str(folder)!r})
    line = Lifeline(folder)
    {what}
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process
        finally:
            process.kill()
