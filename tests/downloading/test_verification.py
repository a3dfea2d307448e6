"""Images judged by their content, in processes that may die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
import pytest
from PIL import Image

from assay import images
from assay.downloading import Refusal, verification
from assay.downloading.verification import Verdict, Verifier, media_type
from assay.errors import WorkerLost

NOISE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)


@pytest.fixture
def verifier() -> Iterator[Verifier]:
    made = Verifier(workers=1)
    yield made
    made.close()


@pytest.mark.parametrize("container", images.FORMATS)
def test_every_format_is_known_by_its_first_bytes(container: str):
    data = images._save(Image.fromarray(NOISE), container)
    assert media_type(data) == f"image/{container.lower()}"


def test_verify_tells_a_whole_image_from_a_torn_one_and_from_a_page(verifier: Verifier):
    good = images.encode_png(NOISE)
    assert verifier.verify(good) == Verdict("image/png")
    assert verifier.verify(good[:-40]).refusal is Refusal.UNREADABLE
    assert verifier.verify(b"<html>").refusal is Refusal.WRONG_TYPE
    assert verifier.verify(b"").refusal is Refusal.WRONG_TYPE


def test_an_image_of_too_many_pixels_is_refused(verifier: Verifier):
    bomb = bytearray(images.encode_png(NOISE))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    assert verifier.verify(bytes(bomb)).refusal in (Refusal.TOO_LARGE, Refusal.UNREADABLE)


def test_a_process_that_was_killed_is_replaced(verifier: Verifier):
    good = images.encode_png(NOISE)
    verifier.verify(good)
    worker = verifier._workers[0]
    os.kill(worker._process.pid, signal.SIGKILL)
    assert verifier.verify(good) == Verdict("image/png")


def answers_nothing(connection: Connection) -> None:
    connection.send("ready")
    connection.recv_bytes()


def test_processes_that_die_over_any_image_are_no_fault_of_the_image(
    verifier: Verifier, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(verification, "_serve", answers_nothing)
    with pytest.raises(WorkerLost, match="die over any of them"):
        verifier.verify(images.encode_png(NOISE))


def test_an_image_that_takes_too_long_is_refused():
    verifier = Verifier(workers=1, time_limit=0.0)
    large = images.encode_jpeg(np.tile(NOISE, (60, 60, 1)), 90)
    assert verifier.verify(large).refusal is Refusal.UNREADABLE
    verifier.close()
