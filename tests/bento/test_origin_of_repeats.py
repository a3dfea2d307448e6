"""Equal pixels share a verdict; what a file says of its origin is its own."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from assay import images
from tests.bento import services
from tests.bento.services import Service
from tests.signing import signed


def _facts(found: dict[str, Any]) -> dict[str, str]:
    return dict(found["provenance"]["facts"])


def _taken_with(program: str, pixels: bytes) -> bytes:
    exif = Image.Exif()
    exif[0x0131] = program
    buffer = io.BytesIO()
    Image.fromarray(images.decode(pixels).pixels).save(buffer, "PNG", exif=exif)
    return buffer.getvalue()


def test_another_file_of_the_same_pixels_speaks_for_itself(service: Service) -> None:
    plain = services.as_png(services.photo(900))
    first = service.detected(plain)
    edited = service.detected(_taken_with("Editor 1", plain))
    other = service.detected(_taken_with("Editor 2", plain))
    again = service.detected(plain)
    assert edited["answered_from"] == other["answered_from"] == first["id"]
    assert edited["score"] == first["score"]
    stated = [_facts(one).get("EXIF Software") for one in (first, edited, other, again)]
    assert stated == [None, "Editor 1", "Editor 2", None]


def test_findings_quote_the_file_that_was_sent(service: Service) -> None:
    plain = services.as_png(services.photo(901))
    first, edited = service.detected(plain), service.detected(_taken_with("Editor 3", plain))
    last = edited["findings"][-1]
    assert last["id"] == "provenance"
    assert "Editor 3" in last["sentence"]
    assert edited["findings"][:-1] == first["findings"][:-1]


def test_credentials_bring_their_notice_only_with_the_file_that_they_sign(
    service: Service,
) -> None:
    plain = services.as_png(services.photo(902))
    credited = signed(plain, "image/png")
    first, second, third = (service.detected(one) for one in (plain, credited, plain))
    assert second["answered_from"] == third["answered_from"] == first["id"]
    assert second["notice"]["reason"] == "claimed_generated"
    assert third["notice"]["reason"] == first["notice"]["reason"] != "claimed_generated"
    assert third["provenance"] == first["provenance"] != second["provenance"]


def test_a_repeat_is_told_at_once_what_people_decided(service: Service) -> None:
    image = services.photo(903)
    first = service.detected(image)
    store = service.runtime.store
    store.drainer.drain()
    said = {"label": "manipulated", "action": "remove", "reason_code": "misleading_edit"}
    service.client.post(f"/v1/detections/{first['id']}/feedback", json=said)
    with store.captures._spool.draining():  # so that nothing reaches the database meanwhile
        again = service.detected(image)
        label = service.client.get(
            urlsplit(again["notice"]["html_url"])._replace(scheme="", netloc="").geturl()
        ).text
    assert (again["decision"]["label"], again["notice"]["level"]) == ("manipulated", "warning")
    assert again["notice"]["sentence"] in label
