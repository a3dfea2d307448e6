from __future__ import annotations

import time
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest

from assay import signed_urls
from assay.store.ids import new_id
from bento.api import answers
from tests.bento import services
from tests.bento.people import People
from tests.bento.services import Service

FAKE = {"label": "synthesized"}
KINDS = ("html", "svg")
WARNING = 'class="assay-notice assay-notice-warning"'


def address(service: Service, name: str, kind: str, language: str = "en") -> str:
    url = urlsplit(answers.notice_url(service.runtime, name, kind, language))
    return f"{url.path}?{url.query}"


def test_a_label_needs_no_key_and_may_be_embedded_anywhere(
    service: Service, people: People
) -> None:
    found = service.detected(services.photo(301))
    service.client.post(f"/v1/detections/{found['id']}/feedback", json=FAKE)
    for kind, media_type in (("html", "text/html"), ("svg", "image/svg+xml")):
        answer = people.nobody().get(found["notice"][f"{kind}_url"])
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == f"{media_type}; charset=utf-8"
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors *" in policy
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["cache-control"] == "public, max-age=300"
    ElementTree.fromstring(answer.content)


def test_a_label_shows_what_was_decided_after_it_was_signed(
    service: Service, people: People
) -> None:
    name = str(service.detected(services.photo(302))["id"])
    page = address(service, name, "html")
    vote = service.client.post(f"/v1/detections/{name}/feedback", json=FAKE).json()["feedback"]
    assert WARNING in people.nobody().get(page).text
    service.client.delete(f"/v1/feedback/{vote}")
    assert WARNING not in people.nobody().get(page).text


def test_where_there_is_nothing_to_tell_the_label_is_empty(service: Service) -> None:
    name = str(service.detected(services.photo(303))["id"])
    service.client.post(f"/v1/detections/{name}/feedback", json={"label": "authentic"})
    answer = service.client.get(address(service, name, "html"))
    assert (answer.status_code, answer.text) == (200, "")
    assert 'width="0"' in service.client.get(address(service, name, "svg")).text


def test_a_label_speaks_the_language_of_its_address(service: Service) -> None:
    name = str(service.detected(services.photo(304))["id"])
    service.client.post(f"/v1/detections/{name}/feedback", json=FAKE)
    english, german, unknown = (
        service.client.get(address(service, name, "html", language)).text
        for language in ("en", "de", "tlh")
    )
    assert 'lang="de"' in german
    assert english == unknown != german


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_address_opens_a_label(service: Service, kind: str) -> None:
    name = str(service.detected(services.photo(305))["id"])
    good = address(service, name, kind)
    other = "svg" if kind == "html" else "html"
    over = signed_urls.sign(
        f"/v1/detections/{name}/notice.{kind}", int(time.time()) - 1, service.runtime.url_keys
    )
    wrong = {
        "no signature": good.partition("?")[0],
        "other image": good.replace(name, new_id()),
        "other kind": good.replace(f"notice.{kind}", f"notice.{other}"),
        "other language": good.replace("lang=en", "lang=de"),
        "longer": good.replace("expires=", "expires=9"),
        "more": f"{good}&lang=de",
        "over": over,
    }
    for url in wrong.values():
        answer = service.client.get(url)
        assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")
        assert answer.headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("kind", KINDS)
def test_the_label_of_a_deleted_detection_is_gone(service: Service, kind: str) -> None:
    name = str(service.detected(services.photo(306))["id"])
    service.client.delete(f"/v1/detections/{name}")
    assert service.client.get(address(service, name, kind)).status_code == 404
