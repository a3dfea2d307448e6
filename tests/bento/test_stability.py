"""A label that does not hold once the image is shared again: who is told, and who pays for it."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import descriptors, images, intake, stability
from assay.calibration import Calibration
from assay.detector import Detector
from assay.embedding import Embedding
from assay.evidence_pool import EvidencePool
from assay.model_folder import CALIBRATION_FILE, EMBEDDING_FILE
from assay.rollout.nginx import COPY_HEADER
from assay.store import Capture
from bento.stability import StabilityChecks
from bento.submission import Submission
from tests.bento import services
from tests.bento.services import LocalAnswers, Service, photo

SEEDS = range(10)


@pytest.fixture(scope="module")
def unstable(
    served_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes, bytes]:
    """A model, an image that passes its threshold once it is shared again, and one that holds."""
    detector = Detector.load(served_model)
    scores = {seed: scores_of(detector, served_model, photo(seed)) for seed in SEEDS}
    widest = max(SEEDS, key=lambda seed: max(scores[seed][1:]) - scores[seed][0])
    threshold = (scores[widest][0] + max(scores[widest][1:])) / 2
    assert scores[widest][0] < threshold
    steady = [seed for seed in SEEDS if max(scores[seed]) < threshold]
    model = shutil.copytree(served_model, tmp_path_factory.mktemp("unstable") / "model")
    band = Calibration(2.0, threshold, threshold, threshold)
    band.save(model / CALIBRATION_FILE)
    features = detector.backend.features([images.decode(photo(n)).pixels for n in range(3)])
    Embedding.fit(features).save(model / EMBEDDING_FILE)
    return model, photo(widest), photo(steady[0])


def scores_of(detector: Detector, model: Path, data: bytes) -> list[float]:
    """Of an image, and of all that is tried in a stability check."""
    key = intake.identify(data).pixel_digest
    tried = [stability.prepare(model, data, name, key) for name in stability.NAMES]
    questions = [intake.prepare(model, data).question, *tried]
    return [verdict.score for verdict in detector.answer(questions)]


@pytest.fixture(scope="module")
def checking(
    unstable: tuple[Path, bytes, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that checks what it is asked to."""
    store = {"audit_share": 0.1}
    with services.running(unstable[0], tmp_path_factory.mktemp("store"), store=store) as running:
        yield running


def capture(service: Service, found: dict[str, Any]) -> Capture:
    return service.runtime.store.captures.get(found["id"])


def test_label_that_does_not_hold_goes_to_people(
    checking: Service, unstable: tuple[Path, bytes, bytes]
) -> None:
    found = checking.detected(unstable[1], stability="true")
    assert [one["perturbation"] for one in found["stability"]["rescored"]] == [*stability.NAMES]
    assert (found["label"], found["stability"]["is_stable"]) == ("authentic", False)
    assert found["needs_review"]
    assert found["notice"]["level"] == "none"  # before anybody has looked
    kept = capture(checking, found)
    assert (kept.is_stable, kept.is_reasoned, kept.selection_probability) == (False, True, 1)


def test_label_that_holds_stays_as_it_is(
    checking: Service, unstable: tuple[Path, bytes, bytes]
) -> None:
    found = checking.detected(unstable[2], stability="true")
    assert found["stability"]["is_stable"]
    assert not found["needs_review"]
    assert capture(checking, found).selection_probability == 0.1
    assert found["timings"]["stability"] > 0


def test_what_was_not_checked_says_so_and_is_checked_once_somebody_asks(checking: Service) -> None:
    image = photo(20)
    unasked, asked, again = (
        checking.detected(image, stability=wanted) for wanted in ("false", "true", "false")
    )
    assert (unasked["stability"], unasked["answered_from"]) == (None, None)
    assert asked["stability"] is not None
    assert asked["answered_from"] is None
    assert again["stability"] == asked["stability"]
    assert again["answered_from"] == asked["id"]
    assert checking.detected(image, stability="true")["answered_from"] == asked["id"]


def test_capture_holds_what_a_monitor_compares_and_a_repeat_inherits_it(checking: Service) -> None:
    first, again = (capture(checking, checking.detected(photo(21))) for _ in range(2))
    assert tuple(first.descriptors) == descriptors.NAMES
    assert first.descriptors["width"] == 128
    assert again.answered_from == first.id
    assert (again.descriptors, again.embedding) == (first.descriptors, first.embedding)
    assert len(first.embedding) == 2


def test_images_of_a_batch_are_checked_too(checking: Service) -> None:
    files = [("file", (f"{seed}.jpg", photo(seed))) for seed in (22, 23)]
    answer = checking.client.post("/v1/detect/batch", files=files, data={"stability": "true"})
    assert [one["detection"]["stability"] is None for one in answer.json()["items"]] == [False] * 2


def test_share_of_images_is_checked_unasked_but_no_copies(
    unstable: tuple[Path, bytes, bytes], tmp_path: Path
) -> None:
    secret = secrets.token_urlsafe()
    with services.running(unstable[0], tmp_path, stability=1.0, copy_secret=secret) as all_checked:
        assert all_checked.detected(unstable[1])["stability"]["is_stable"] is False
        files, marked = {"file": ("a.jpg", photo(24))}, {COPY_HEADER: secret}
        copy = all_checked.client.post("/v1/detect", files=files, headers=marked)
        assert copy.json()["stability"] is None


def test_idempotency_key_stands_for_the_option_too(checking: Service) -> None:
    def status(wanted: str) -> int:
        return checking.client.post(
            "/v1/detect",
            headers={"Idempotency-Key": "stable"},
            files={"file": ("a.jpg", photo(25))},
            data={"stability": wanted} if wanted else {},
        ).status_code

    assert [status(wanted) for wanted in ("", "false", "true")] == [200, 200, 409]


@pytest.fixture(scope="module")
def pool(unstable: tuple[Path, bytes, bytes]) -> Iterator[EvidencePool]:
    with EvidencePool(unstable[0], 1) as running:
        running.warm_up()
        yield running


def checked(pool: EvidencePool, model: Path, *asked: Submission, patience: float = 60.0) -> Any:
    """What checks that are begun together, each of which is drawn, come to."""

    async def together() -> Any:
        checks = StabilityChecks(pool, LocalAnswers(Detector.load(model)), share=1.0)
        facts = [intake.identify(one.image) for one in asked]
        work = (checks.check(*pair, patience) for pair in zip(asked, facts, strict=True))
        return await asyncio.gather(*work)

    return asyncio.run(together())


def test_drawn_check_that_would_wait_or_takes_too_long_is_left_out(
    unstable: tuple[Path, bytes, bytes], pool: EvidencePool
) -> None:
    drawn = Submission(photo(26), "platform")
    first, second = checked(pool, unstable[0], drawn, drawn)
    assert first is not None
    assert second is None
    assert checked(pool, unstable[0], drawn, patience=0.0) == [None]


def test_checks_that_were_asked_for_wait_for_each_other(
    unstable: tuple[Path, bytes, bytes], pool: EvidencePool
) -> None:
    asked = Submission(photo(27), "platform", stability=True)
    first, second = checked(pool, unstable[0], asked, asked, patience=0.0)
    assert first == second
    assert tuple(first) == stability.NAMES


def test_large_images_are_not_checked(
    unstable: tuple[Path, bytes, bytes], pool: EvidencePool
) -> None:
    flat = services.png(np.zeros((2000, 4001, 3), np.uint8))
    assert checked(pool, unstable[0], Submission(flat, "platform", stability=True)) == [None]
