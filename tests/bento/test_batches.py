"""Several images in one request, each answered or refused on its own."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bento.admission import Admission
from bento.refusals import Overloaded
from bento.submission import Submission
from bento.turns import SHARE, Turns
from tests.bento import services
from tests.bento.services import Service


def post(service: Service, *images: bytes, **fields: str) -> httpx.Response:
    files = [("file", (f"{n}.jpg", image)) for n, image in enumerate(images)]
    return service.client.post("/v1/detect/batch", files=files, data=fields)


@pytest.fixture(scope="module")
def small(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with the smallest limits that mean something."""
    folder = tmp_path_factory.mktemp("small")
    with services.running(served_model, folder, max_batch=3, admitted=1) as running:
        yield running


def test_images_are_answered_in_the_order_in_which_they_were_sent(service: Service) -> None:
    images = [services.photo(seed) for seed in range(100, 106)]
    items = post(service, *images, rationale="never").json()["items"]
    assert [item["name"] for item in items] == [f"{n}.jpg" for n in range(6)]
    for item, image in zip(items, images, strict=True):
        assert item["problem"] is None
        assert item["detection"]["external_id"] == item["name"]
        path = f"/v1/detections/{item['detection']['id']}/image"
        assert service.client.get(path).content == image


def test_bad_images_leave_the_good_ones_alone(service: Service) -> None:
    answer = post(service, services.photo(110), b"no image", services.photo(111), b"")
    items = answer.json()["items"]
    assert answer.status_code == 200
    assert [item["detection"] is not None for item in items] == [True, False, True, False]
    assert items[1]["problem"]["code"] == "unreadable_image"
    assert items[1]["problem"]["request_id"] == answer.headers["X-Request-ID"]


def test_items_of_json_fail_on_their_own(service: Service) -> None:
    encoded = base64.b64encode(services.photo(112)).decode()
    items = [
        {"image_base64": encoded, "external_id": "post-1", "reach": 5},
        {"url": "http://127.0.0.1/a.jpg"},
        {"image_base64": "%%%"},
        {"external_id": "neither"},
    ]
    body = {"items": items, "rationale": "never", "keep_image": False}
    found = service.client.post("/v1/detect/batch", json=body).json()["items"]
    assert found[0]["detection"]["external_id"] == found[0]["name"] == "post-1"
    codes = [item["problem"]["code"] for item in found[1:]]
    assert codes == ["forbidden_address", "invalid_request", "invalid_request"]
    kept = service.client.get(f"/v1/detections/{found[0]['detection']['id']}/image")
    assert kept.json()["code"] == "not_kept"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "application/json", 400),
        (b'{"items": []}', "application/json", 400),
        (b'{"items": [{"reach": -1}]}', "application/json", 400),
        (b"{", "application/json", 400),
        (b"x", "image/jpeg", 400),
        (b"x", "multipart/form-data; boundary=b", 400),
    ],
)
def test_malformed_batch_is_refused_as_a_whole(
    service: Service, body: bytes, kind: str, status: int
) -> None:
    headers = {"Content-Type": kind}
    answer = service.client.post("/v1/detect/batch", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "invalid_request"


def test_files_in_other_fields_are_refused(service: Service) -> None:
    files = [("file", ("a.jpg", services.photo(1))), ("files", ("b.jpg", b"b"))]
    assert service.client.post("/v1/detect/batch", files=files).status_code == 400


def test_more_images_than_a_batch_may_hold_are_refused(small: Service) -> None:
    answer = post(small, *[b"image"] * 4)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")
    body = {"items": [{"image_base64": ""}] * 4}
    answer = small.client.post("/v1/detect/batch", json=body)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_many_images")


def test_batch_larger_than_what_is_admitted_waits_instead_of_being_refused(small: Service) -> None:
    items = post(small, *(services.photo(seed) for seed in (120, 121, 122))).json()["items"]
    assert all(item["detection"] for item in items)


def test_another_version_of_the_model_refuses_the_batch(service: Service) -> None:
    answer = post(service, services.photo(1), model_version="none-such")
    assert (answer.status_code, answer.json()["code"]) == (409, "model_not_served")


class Counting:
    """An engine that only counts who is in."""

    def __init__(self, limit: int) -> None:
        self.admission = Admission(limit)
        self.most = 0

    async def detect(self, submission: Submission) -> None:
        with self.admission.admit():
            self.most = max(self.most, self.admission.in_work)
            await asyncio.sleep(0)


async def _nothing() -> Submission:
    await asyncio.sleep(0)
    return Submission(b"", "client")


def test_turns_leave_a_quarter_of_the_places_to_single_requests() -> None:
    async def work() -> int:
        engine, turns = Counting(8), Turns(100)
        await asyncio.gather(*(turns.detect(engine, _nothing) for _ in range(50)))  # type: ignore[arg-type]
        return engine.most

    assert asyncio.run(work()) == SHARE * 8


def test_turns_let_only_so_many_in_together() -> None:
    async def work() -> int:
        engine, turns = Counting(100), Turns(3)
        await asyncio.gather(*(turns.detect(engine, _nothing) for _ in range(20)))  # type: ignore[arg-type]
        return engine.most

    assert asyncio.run(work()) == 3


def test_turn_that_never_comes_is_over_at_the_deadline_and_frees_its_place() -> None:
    async def work() -> None:
        engine, turns = Counting(4), Turns(1)
        until = asyncio.get_running_loop().time() + 0.01
        with engine.admission.admit(3), pytest.raises(Overloaded):
            await turns.detect(engine, _nothing, until)  # type: ignore[arg-type]
        await turns.detect(engine, _nothing)  # type: ignore[arg-type]

    asyncio.run(work())
