"""A service of one process that is there to be killed: uvicorn over the real application."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import uvicorn

from assay.detector import Detector
from assay.store import StoreSettings
from bento.api.app import create_app
from bento.assembly import assemble
from bento.runtime import attach
from bento.settings import ServiceSettings
from tests.bento import servers
from tests.bento.services import KEYS, LocalAnswers


def serve(model: Path, folder: Path, port: int) -> None:
    """Serve until ended; store, worker processes and HTTP are real, BentoML is left out."""
    os.environ.update(KEYS)
    app = create_app()
    settings = ServiceSettings(model=model, workers=1, public_url=f"http://127.0.0.1:{port}")
    answers = LocalAnswers(Detector.load(model))
    attach(app, assemble(settings, StoreSettings(folder=folder), answers))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error")


@contextmanager
def serving(model: Path, folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Address and process of a ready service; leaving kills all of its processes at once."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "torch", "transformers.processing_utils"])
    port = servers.free_port()
    process = context.Process(target=serve, args=(model, folder, port))
    process.start()
    url = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + 120
        while not _is_ready(url):
            assert process.is_alive()
            assert time.monotonic() < end, "the service never got ready"
            time.sleep(0.05)
        yield url, psutil.Process(process.pid)
    finally:
        with suppress(psutil.NoSuchProcess):
            kill(psutil.Process(process.pid))
        process.join(timeout=10)


def kill(process: psutil.Process) -> None:
    """End a process and all that it started, without a word."""
    family = [process, *process.children(recursive=True)]
    for one in family:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(family[1:], timeout=10)


def _is_ready(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    return False
