"""Seen before: near-duplicates are shown from both sides, within bounds, and nothing inherits."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay import images, intake
from assay.duplicates import perceptual_hash
from assay.errors import NotCaptured
from assay.manipulations import manipulations
from assay.records import Mask, Pixels
from assay.siblings import relate_encoded
from assay.sources.photos import Photos
from assay.store import Capture, HumanLabel, Vote
from assay.store.ids import new_id
from bento.siblings import COMPARED, Relatives
from tests.bento import services
from tests.bento.services import Service
from tests.captures import capture
from tests.scenes import scene

LOW, HIGH = 0.5, 0.7
"""The review band of the served model."""
EDITS = {
    "splice": "coffee",
    "copy_move": "chelsea",
    "retouch": "gravel",
    "text_overlay": "grass",
}
"""Manipulations, each with the photograph that it is tried on."""


@pytest.fixture(scope="module")
def photographs() -> dict[str, Pixels]:
    """Real photographs that ship in wheels, 256 pixels a side, by name."""
    samples = Photos(crop_size=256, crops_per_photo=1).fetch()
    return {s.group.removeprefix("photos-"): images.decode(s.image).pixels for s in samples}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this module's service keeps its store."""
    return tmp_path_factory.mktemp("siblings")


@pytest.fixture(scope="module")
def service(served_model: Path, folder: Path) -> Iterator[Service]:
    """A running service that has seen nothing yet."""
    with services.running(served_model, folder) as running:
        yield running


def edited(pixels: Pixels, name: str, seed: int = 1) -> tuple[Pixels, Mask]:
    donor = scene(9, *pixels.shape[:2])
    return manipulations()[name].apply(pixels, donor, np.random.default_rng(seed))


def detection(service: Service, detection_id: str) -> dict[str, Any]:
    """A detection as it is now, once all that was served is in the database."""
    service.runtime.store.drainer.drain()
    answer = service.client.get(f"/v1/detections/{detection_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def decide(service: Service, detection_id: str, label: HumanLabel, reason: str = "") -> None:
    service.runtime.store.feedback.record(detection_id, "ann", Vote(label, reason_code=reason))


def share_inside(boxes: list[dict[str, float]], mask: Mask) -> float:
    """Share of ``mask`` that lies inside ``boxes``."""
    height, width = mask.shape
    inside = np.zeros(mask.shape, bool)
    for box in boxes:
        rows = slice(int(box["top"] * height), int(np.ceil(box["bottom"] * height)))
        inside[rows, int(box["left"] * width) : int(np.ceil(box["right"] * width))] = True
    return float(inside[mask].mean())


@pytest.mark.parametrize("is_edit_first", [False, True], ids=["edit after", "original after"])
@pytest.mark.parametrize(("name", "picture"), list(EDITS.items()))
def test_an_edit_and_its_original_show_one_another_in_either_order(
    picture: str,
    name: str,
    is_edit_first: bool,
    photographs: dict[str, Pixels],
    service: Service,
) -> None:
    # Mirrored for one of the orders, so that the two share a service.
    original = photographs[picture][:, ::-1] if is_edit_first else photographs[picture]
    original = np.ascontiguousarray(np.rot90(original, 1 + is_edit_first))
    other, mask = edited(original, name)
    sent = [images.encode_jpeg(original, 92), images.encode_jpeg(other, 80)]
    earlier, later = (service.detected(one) for one in (sent[::-1] if is_edit_first else sent))
    assert [one["id"] for one in later["siblings"]] == [earlier["id"]]
    assert earlier["siblings"] == []
    seen, back = later["siblings"][0], detection(service, earlier["id"])["siblings"][0]
    assert back["id"] == later["id"]
    assert seen["kind"] == back["kind"] == "locally_different"
    assert "which of them came first is unknown" in seen["sentence"]
    for one in (seen, back):
        assert share_inside([d["first"] for d in one["differences"]], mask) > 0.7
        assert share_inside([d["second"] for d in one["differences"]], mask) > 0.7
    assert later["needs_review"]
    assert later["score"] == pytest.approx(1 - later["probabilities"]["authentic"])


COPIES: dict[str, Callable[[Pixels], bytes]] = {
    "saved again": lambda p: images.encode_jpeg(p, 60),
    "cropped": lambda p: images.encode_jpeg(np.ascontiguousarray(p[8:, :-6]), 85),
    "mirrored": lambda p: images.encode_jpeg(np.ascontiguousarray(p[:, ::-1]), 85),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_shows_the_same_and_calls_for_nobody(
    name: str, photographs: dict[str, Pixels], service: Service
) -> None:
    number = list(COPIES).index(name)
    original = np.ascontiguousarray(np.rot90(photographs["flower"], number + 1))
    first = service.detected(images.encode_png(original))
    copy = service.detected(COPIES[name](original))
    assert [(one["id"], one["kind"]) for one in copy["siblings"]] == [(first["id"], "same_content")]
    assert copy["siblings"][0]["differences"] == []
    assert copy["needs_review"] == (LOW <= copy["score"] <= HIGH)


def test_pixel_equal_images_share_a_decision_in_both_orders_and_near_duplicates_do_not(
    photographs: dict[str, Pixels], service: Service
) -> None:
    picture = photographs["camera"]
    first = service.detected(images.encode_png(picture))
    before = service.detected(services.png(picture))
    decide(service, first["id"], HumanLabel.MANIPULATED)
    after = service.detected(services.as_png(images.encode_png(picture)))
    near = service.detected(images.encode_jpeg(picture, 70))
    for one in (before, after):
        shown = detection(service, one["id"])
        assert shown["answered_from"] == first["id"]
        assert shown["decision"]["label"] == "manipulated"
        assert [s["id"] for s in shown["siblings"]] == [near["id"]]
    assert near["decision"] is None
    assert near["siblings"][0]["decision"]["label"] == "manipulated"
    assert near["notice"]["level"] != "warning"


@pytest.mark.parametrize(
    ("label", "reason"), [(HumanLabel.AUTHENTIC, ""), (HumanLabel.MANIPULATED, "benign_edit")]
)
def test_a_copy_of_what_people_cleared_raises_no_notice(
    label: HumanLabel, reason: str, photographs: dict[str, Pixels], service: Service
) -> None:
    picture = np.ascontiguousarray(photographs["retina"][:: 1 if reason else -1])
    original, _ = edited(picture, "splice")
    first = service.detected(images.encode_jpeg(original, 95))
    decide(service, first["id"], label, reason)
    copy = service.detected(images.encode_jpeg(original, 70))
    assert copy["siblings"][0]["kind"] == "same_content"
    assert copy["notice"]["level"] == "none"
    assert copy["decision"] is None


def test_a_copy_of_a_cleared_picture_needs_no_people_for_an_edit_of_it(
    photographs: dict[str, Pixels], service: Service
) -> None:
    picture = photographs["motorcycle"]
    first = service.detected(images.encode_jpeg(picture, 95))
    decide(service, first["id"], HumanLabel.AUTHENTIC)
    edit = service.detected(images.encode_jpeg(edited(picture, "splice")[0], 90))
    copy = service.detected(images.encode_jpeg(picture, 65))
    assert edit["needs_review"]
    kinds = {one["id"]: one["kind"] for one in copy["siblings"]}
    assert kinds == {first["id"]: "same_content", edit["id"]: "locally_different"}
    assert copy["needs_review"] == (LOW <= copy["score"] <= HIGH)


def test_pictures_of_a_pair_have_one_size_and_may_be_kept(
    photographs: dict[str, Pixels], service: Service
) -> None:
    original = np.ascontiguousarray(photographs["china"][:, ::-1])
    other, mask = edited(original, "splice")
    first = service.detected(images.encode_jpeg(original, 95))
    later = service.detected(images.encode_jpeg(other, 90))
    service.runtime.store.drainer.drain()
    admission = service.runtime.engine.admission
    with admission.admit(admission.limit - admission.in_work):
        pair = f"/v1/detections/{later['id']}/siblings/{first['id']}/this.png"
        assert service.client.get(pair).status_code == 429
    for one, two in ((later, first), (first, later)):
        at = f"/v1/detections/{one['id']}/siblings/{two['id']}"
        answers = [service.client.get(f"{at}/{v}.png") for v in ("this", "other", "difference")]
        assert [a.status_code for a in answers] == [200] * 3
        assert {a.headers["content-type"] for a in answers} == {"image/png"}
        this, second, difference = (images.decode(a.content).pixels.astype(int) for a in answers)
        assert this.shape == second.shape == difference.shape == original.shape
        assert np.abs(this - second)[mask].mean() > 5 * np.abs(this - second)[~mask].mean()
        heat = np.abs(difference - this).sum(axis=2)
        assert heat[mask].mean() > 5 * heat[~mask].mean()
        tag = answers[0].headers["etag"]
        again = service.client.get(f"{at}/this.png", headers={"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


def test_pictures_are_refused_for_strangers_and_unknown_views(service: Service) -> None:
    one, two = (service.detected(services.photo(seed)) for seed in (21, 22))
    at = f"/v1/detections/{one['id']}/siblings"

    def refusal(path: str) -> tuple[int, str]:
        answer = service.client.get(f"{at}/{path}")
        return answer.status_code, answer.json()["code"]

    assert refusal(f"{two['id']}/this.png") == (404, "not_siblings")
    assert refusal("../../nothing/this.png")[0] == 404
    assert refusal(f"{two['id']}/mask.png") == (422, "invalid_request")
    stranger = service.client.get(f"/v1/detections/{new_id()}/siblings/{two['id']}/this.png")
    assert (stranger.status_code, stranger.json()["code"]) == (404, "not_captured")


def test_an_image_that_is_not_kept_is_no_candidate_and_has_no_picture(
    photographs: dict[str, Pixels], service: Service
) -> None:
    picture = photographs["coins"]
    kept = service.detected(images.encode_jpeg(picture, 90))
    hidden = service.detected(images.encode_jpeg(picture, 80), keep_image=False)
    assert [one["id"] for one in hidden["siblings"]] == [kept["id"]]
    at = f"/v1/detections/{hidden['id']}/siblings/{kept['id']}"
    answer = service.client.get(f"{at}/this.png")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_kept")
    third = service.detected(images.encode_jpeg(picture, 70))
    assert [one["id"] for one in third["siblings"]] == [kept["id"]]


def test_a_damaged_or_missing_image_file_costs_a_sibling_and_no_request(
    photographs: dict[str, Pixels],
    service: Service,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    picture = photographs["ihc"]
    made = [service.detected(images.encode_jpeg(picture, quality)) for quality in (95, 90, 85)]
    store = service.runtime.store
    store.drainer.drain()
    digests = [store.captures.get(one["id"]).image_digest for one in made]
    files = [next(folder.rglob(f"{digest}-*")) for digest in digests[:2]]
    files[0].write_bytes(b"\xff\xd8 no image any more")
    files[1].unlink()
    copy = service.detected(images.encode_jpeg(picture, 75))
    assert [one["id"] for one in copy["siblings"]] == [made[2]["id"]]
    assert "is left out" in caplog.text
    answer = service.client.get(f"/v1/detections/{made[1]['id']}/siblings/{made[0]['id']}/this.png")
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_error")


def captured(service: Service, pixels: Pixels, quality: int) -> Capture:
    """A capture as if a JPEG of ``pixels`` had been answered, known to the running service."""
    data = images.encode_jpeg(pixels, quality)
    facts = intake.identify(data)
    made = capture(data.hex()[:8], pixel_digest=facts.pixel_digest, pdq=facts.pdq)
    kept = service.runtime.store.captures.append(made, data)
    service.runtime.engine.relatives.remember(kept)
    return kept


@pytest.fixture
def compared(service: Service, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that new ones were compared with, while the real pool does it."""
    seen: list[bytes] = []
    run = service.runtime.engine.pool.run

    def counted(function: Any, *arguments: Any) -> Any:
        if function is relate_encoded:
            seen.append(arguments[1])
        return run(function, *arguments)

    monkeypatch.setattr(service.runtime.engine.pool, "run", counted)
    return seen


def test_of_many_copies_a_few_are_compared_and_the_first_of_all_is_among_them(
    photographs: dict[str, Pixels], service: Service, compared: list[bytes]
) -> None:
    original = np.ascontiguousarray(photographs["hubble"][::-1])
    edit, _ = edited(original, "splice")
    first = captured(service, original, 90)
    hashed = perceptual_hash(edit)
    for number in range(200):
        copy = edit.copy()
        copy[number % 200, 0] ^= 1  # other pixels, the same picture
        copy[(number * 7) % 256, 5] ^= 2
        digest = perceptual_hash(copy).digest.hex()
        made = capture(f"copy-{number}", pixel_digest=digest, pdq=hashed.bits.hex())
        kept = service.runtime.store.captures.append(made, images.encode_jpeg(copy, 90))
        service.runtime.engine.relatives.remember(kept)
    found = service.detected(images.encode_jpeg(edit, 70))
    assert len(compared) == COMPARED == len(found["siblings"])
    kinds = {one["id"]: one["kind"] for one in found["siblings"]}
    assert kinds.pop(first.id) == "locally_different"
    assert set(kinds.values()) == {"same_content"}


def test_an_image_without_relatives_is_compared_with_nothing(
    service: Service, compared: list[bytes]
) -> None:
    assert service.detected(services.photo(31))["siblings"] == []
    assert compared == []


def test_captures_of_the_same_pixels_do_not_crowd_others_out(
    photographs: dict[str, Pixels], service: Service, compared: list[bytes]
) -> None:
    picture = photographs["moon"]
    for _ in range(COMPARED + 2):
        captured(service, picture, 95)
    other = captured(service, picture, 60)
    found = service.detected(images.encode_jpeg(picture, 80))
    assert len(compared) == 2 == len(found["siblings"])
    assert other.id in {one["id"] for one in found["siblings"]}


def test_a_deleted_capture_is_no_sibling_any_more(
    photographs: dict[str, Pixels], service: Service
) -> None:
    picture = photographs["gravel"]
    sent = [images.encode_jpeg(picture, quality) for quality in (95, 88, 80, 70)]
    first, second = service.detected(sent[0]), service.detected(sent[1])
    service.runtime.store.retention.delete(first["id"], "admin")
    assert detection(service, second["id"])["siblings"] == []
    third = service.detected(sent[2])
    assert [one["id"] for one in third["siblings"]] == [second["id"]]
    at = f"/v1/detections/{second['id']}/siblings/{first['id']}/this.png"
    assert service.client.get(at).status_code == 404
    with pytest.raises(NotCaptured):
        service.runtime.store.captures.siblings(first["id"])


def test_a_comparison_that_takes_too_long_is_left_out(
    photographs: dict[str, Pixels], service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    kept = captured(service, photographs["grass"], 90)
    hurried = Relatives(service.runtime.store, service.runtime.engine.pool, 365, patience=0.02)
    hurried.remember(kept)
    image = images.encode_jpeg(photographs["grass"], 70)
    with caplog.at_level(logging.WARNING):
        assert asyncio.run(hurried.of(image, intake.identify(image))) == []
    assert "left out" in caplog.text
    patient = Relatives(service.runtime.store, service.runtime.engine.pool, 365, patience=30)
    patient.remember(kept)
    assert len(asyncio.run(patient.of(image, intake.identify(image)))) == 1


def test_an_unexpected_error_costs_a_sibling_and_no_request(
    photographs: dict[str, Pixels],
    service: Service,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    picture = np.ascontiguousarray(photographs["brick"])
    captured(service, picture, 90)
    pool = service.runtime.engine.pool
    run = pool.run

    def failing(function: Any, *arguments: Any) -> Any:
        # A real error of the real worker: a text is no image.
        return run(function, *("", "") if function is relate_encoded else arguments)

    monkeypatch.setattr(pool, "run", failing)
    assert service.detected(images.encode_jpeg(picture, 70))["siblings"] == []
    assert "is left out" in caplog.text


def wait_for_index(service: Service) -> None:
    """Until what the store held is known: requests are answered before that, without siblings."""
    end = time.monotonic() + 30
    while not len(service.runtime.engine.relatives):
        assert time.monotonic() < end
        time.sleep(0.02)


def test_siblings_are_found_after_a_restart(
    photographs: dict[str, Pixels], served_model: Path, tmp_path: Path
) -> None:
    one, two = photographs["coffee"], photographs["chelsea"]
    with services.running(served_model, tmp_path) as service:
        kept = service.detected(images.encode_jpeg(one, 90))
        service.detected(images.encode_png(images.decode(images.encode_jpeg(one, 90)).pixels))
        deleted = service.detected(images.encode_jpeg(two, 90))
        service.runtime.store.retention.delete(deleted["id"], "admin")
    with services.running(served_model, tmp_path) as service:
        wait_for_index(service)
        copy = service.detected(images.encode_jpeg(one, 70))
        assert [found["id"] for found in copy["siblings"]] == [kept["id"]]
        assert service.detected(images.encode_jpeg(two, 70))["siblings"] == []
        again = detection(service, kept["id"])
        assert [found["id"] for found in again["siblings"]] == [copy["id"]]
