"""What a sandbox key is answered, and that nothing of it is kept."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from assay import images
from assay.errors import ImageTooLarge, UnreadableImage
from assay.store import Scope
from bento import sandbox
from bento.api import errors
from bento.refusals import code_of
from bento.sandbox_images import TestImage, encoded, named_in
from tests.bento import services
from tests.bento.services import Service

VERDICTS = [which for which in TestImage if which.is_verdict]


@pytest.fixture(scope="module")
def guarded(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service that wants keys."""
    with services.running(served_model, tmp_path_factory.mktemp("store"), auth=True) as running:
        yield running


@pytest.fixture(scope="module")
def key(guarded: Service) -> dict[str, str]:
    return header(guarded, is_sandbox=True)


def header(service: Service, *, is_sandbox: bool) -> dict[str, str]:
    _, secret = service.runtime.store.keys.create(
        "platform", set(Scope), "admin", is_sandbox=is_sandbox
    )
    return {"Authorization": f"Bearer {secret}"}


def ask(service: Service, key: dict[str, str], image: bytes, **fields: Any) -> httpx.Response:
    files = {"file": ("a.png", image)}
    return service.client.post("/v1/detect", files=files, data=fields, headers=key)


def kept(service: Service) -> tuple[int, int, list[str]]:
    """Captures and remembered keys of requests, and what is spooled."""
    database = service.runtime.store.database
    with database.engine.connect() as connection:
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()
            for table in ("captures", "idempotency_keys")
        ]
    return counts[0], counts[1], service.runtime.store.spool.pending()


def test_the_list_needs_no_key_and_its_images_give_what_it_says(
    guarded: Service, key: dict[str, str]
) -> None:
    listed = guarded.client.get("/v1/sandbox").json()
    assert {one["name"] for one in listed["images"]} == set(TestImage)
    for one in listed["images"]:
        image = guarded.client.get(one["url"]).content
        answer = ask(guarded, key, image)
        assert answer.status_code == one["status"]
        body = answer.json()
        given = body.get("code") or ("review" if body["needs_review"] else body["label"])
        assert given == one["gives"]


def test_every_error_that_is_listed_can_be_asked_for(guarded: Service, key: dict[str, str]) -> None:
    listed = guarded.client.get("/v1/sandbox").json()["errors"]
    assert {one["status"] for one in listed} >= {
        400, 401, 403, 409, 413, 422, 429, 500, 502, 503, 504,
    }  # fmt: skip
    for one in listed:
        answer = ask(guarded, key, encoded(TestImage.AUTHENTIC), external_id=one["external_id"])
        assert (answer.status_code, answer.json()["code"]) == (one["status"], one["code"])
        assert ("retry-after" in answer.headers) == (one["status"] in (429, 503, 504))


def test_codes_are_those_of_the_service() -> None:
    codes = {code_of(kind.__name__) for kind in errors.STATUS}
    for code, make in sandbox.ERRORS.items():
        assert code == code_of(type(make()).__name__)
    assert set(sandbox.ERRORS) <= codes


def test_an_error_that_there_is_not_is_said_with_those_that_there_are(
    guarded: Service, key: dict[str, str]
) -> None:
    answer = ask(guarded, key, encoded(TestImage.AUTHENTIC), external_id="error:teapot")
    assert answer.status_code == 400
    assert "overloaded" in answer.json()["error"]


@pytest.mark.parametrize("which", VERDICTS)
def test_a_detection_has_the_full_shape_and_can_be_looked_at_again(
    guarded: Service, key: dict[str, str], which: TestImage
) -> None:
    first = ask(guarded, key, encoded(which)).json()
    real = header(guarded, is_sandbox=False)
    genuine = ask(guarded, real, services.photo(1)).json()
    assert first.keys() == genuine.keys()
    assert first["findings"][0].keys() == genuine["findings"][0].keys()
    assert abs(sum(first["probabilities"].values()) - 1) < 1e-9
    assert first["notice"]["level"] == ("none" if which is TestImage.AUTHENTIC else "caution")
    assert bool(first["rationale"]) == (which is not TestImage.AUTHENTIC)
    assert first["id"].startswith(f"test_{which}_")
    path = f"/v1/detections/{first['id']}"
    assert guarded.client.get(path, headers=key).json() == first
    assert guarded.client.get(f"{path}/image", headers=key).content == encoded(which)


def test_reasons_are_given_as_they_are_asked_for(guarded: Service, key: dict[str, str]) -> None:
    flagged, calm = encoded(TestImage.MANIPULATED), encoded(TestImage.AUTHENTIC)
    assert ask(guarded, key, flagged, rationale="never").json()["rationale"] is None
    assert ask(guarded, key, calm, rationale="always").json()["rationale"]


def test_any_other_image_is_answered_by_its_digest(guarded: Service, key: dict[str, str]) -> None:
    found = [ask(guarded, key, services.photo(seed)).json() for seed in range(12)]
    again = ask(guarded, key, services.photo(0), external_id="post-1").json()
    assert again["id"] == found[0]["id"]
    assert again["external_id"] == "post-1"
    assert len({one["id"].split("_")[1] for one in found}) == len(VERDICTS)
    assert ask(guarded, key, b"no image").json()["code"] == "unreadable_image"


def test_nothing_is_kept(guarded: Service, key: dict[str, str]) -> None:
    guarded.runtime.store.drainer.drain()
    before = kept(guarded)
    files = {"file": ("a.png", encoded(TestImage.REVIEW))}
    headers = key | {"Idempotency-Key": "once"}
    assert guarded.client.post("/v1/detect", files=files, headers=headers).status_code == 200
    ask(guarded, key, services.photo(70))
    ask(guarded, key, services.photo(70), external_id="error:overloaded")
    assert kept(guarded) == before


def test_sandbox_and_live_do_not_see_each_other(guarded: Service, key: dict[str, str]) -> None:
    real = header(guarded, is_sandbox=False)
    kept_id = ask(guarded, real, services.photo(71)).json()["id"]
    test_id = ask(guarded, key, services.photo(71)).json()["id"]
    for who, what in ((key, kept_id), (real, test_id)):
        answer = guarded.client.get(f"/v1/detections/{what}", headers=who)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_captured")
    assert guarded.client.get("/metrics", headers=key).status_code == 403


def test_test_images_are_the_same_at_each_call_and_small() -> None:
    for which in TestImage:
        data = encoded(which)
        encoded.cache_clear()
        assert encoded(which) == data
        assert len(data) < 50_000
        assert named_in(data) is which
    assert named_in(services.photo(1)) is None


def test_test_images_give_their_errors_to_live_keys_too() -> None:
    with pytest.raises(UnreadableImage):
        images.decode(encoded(TestImage.UNREADABLE))
    with pytest.raises(ImageTooLarge):
        images.decode(encoded(TestImage.TOO_LARGE))
    for which in VERDICTS:
        assert Image.open(io.BytesIO(encoded(which))).size == (384, 256)


def test_another_name_is_no_image(guarded: Service) -> None:
    assert guarded.client.get("/v1/sandbox/secret.png").status_code in (404, 422)
