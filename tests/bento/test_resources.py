"""One client's greed is nobody else's outage."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from assay import fetching, intake
from assay.errors import SourceUnavailable
from bento import fetches
from tests.bento import services
from tests.bento.services import Service


@pytest.fixture
def slow_servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Addresses that answer nothing until this is set."""
    answer = threading.Event()

    def fetch(url: str) -> fetching.Fetched:
        answer.wait(30)
        raise SourceUnavailable(f"{url} says nothing")

    monkeypatch.setattr(fetching, "fetch", fetch)
    yield answer
    answer.set()


def test_slow_addresses_hold_up_nobody_else(
    service: Service, slow_servers: threading.Event
) -> None:
    def ask(number: int) -> tuple[int, str]:
        url = f"http://slow.example/{number}"
        answer = service.client.post("/v1/detect", json={"url": url})
        return answer.status_code, answer.json()["code"]

    with ThreadPoolExecutor(fetches.AT_ONCE) as clients:
        waiting = [clients.submit(ask, number) for number in range(fetches.AT_ONCE)]
        places = service.runtime.fetches._places
        while places.borrowed_tokens < fetches.AT_ONCE:
            time.sleep(0.01)
        assert service.detect(services.photo(910)).status_code == 200
        assert ask(-1) == (429, "overloaded")
        assert not any(one.done() for one in waiting)
        slow_servers.set()
        assert {one.result() for one in waiting} == {(502, "source_unavailable")}


@pytest.mark.parametrize("body", [
    b'{"image_base64":[' + b"[]," * 100_000 + b"1]}",
    b"{" + b",".join(b'"%d":1' % number for number in range(100_000)) + b"}",
])  # fmt: skip
def test_json_of_countless_parts_is_not_taken_apart(service: Service, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = service.client.post("/v1/detect", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
    assert "20,000 parts" in answer.json()["error"]


def test_a_long_caption_has_as_many_commas_as_it_likes(service: Service) -> None:
    asked = {"image_base64": "AAAA", "caption": ",[{" * 1600}
    answer = service.client.post("/v1/detect", json=asked)
    assert answer.json()["code"] == "unreadable_image"


def test_what_holds_no_image_has_a_small_body(service: Service) -> None:
    found = service.detected(services.photo(911))
    content, headers = b"[" * (2**20 + 1), {"Content-Type": "application/json"}
    for path in ("report", "feedback"):
        address = f"/v1/detections/{found['id']}/{path}"
        answer = service.client.post(address, content=content, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_large_images_leave_processes_to_others(served_model: Path, tmp_path: Path) -> None:
    with services.running(served_model, tmp_path, workers=2) as service:
        lanes = service.runtime.engine
        small, large = (
            intake.identify(services.png(np.zeros((side, side, 3), np.uint8)))
            for side in (64, 2900)
        )

        async def together() -> int:
            async with lanes._lane(small), lanes._lane(small), lanes._lane(large):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.05), lanes._lane(large):
                        pass
            async with lanes._lane(large):
                return lanes.pool.size

        assert asyncio.run(together()) == 2


def test_full_disk_is_said_without_naming_the_servers_folders(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(service.runtime.store.captures._spool, "_folder", tmp_path / "gone")
    answer = service.detect(services.photo(912))
    assert (answer.status_code, answer.json()["code"]) == (503, "storage_error")
    assert str(tmp_path) not in answer.text
    assert answer.headers["Retry-After"]
