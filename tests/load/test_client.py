"""One deployment: what is sent, what is told of the answer, and one line for whatever is wrong."""

from __future__ import annotations

import pytest

from assay.errors import ConfigError, SourceUnavailable
from assay.load.client import Deployment
from tests import web
from tests.load.planted import MODEL, deploying, deployment, json_reply, stalling, verdict


def test_image_fields_and_key_are_sent():
    with web.site(deploying(json_reply(verdict()))) as site:
        reply = deployment(site, key="secret").detect(b"\xff\xd8 bytes", {"rationale": "never"})
    assert (reply.status, reply.error, reply.found["label"]) == (200, "", "authentic")
    (request,) = site.requests
    for part in (b"POST /v1/detect ", b"Authorization: Bearer secret", b"\xff\xd8 bytes", b"never"):
        assert part in request


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (json_reply(b'{"code": "unreadable_image"}', "422 No"), 422, "422 unreadable_image"),
        (json_reply(b"<html>", "502 Bad Gateway"), 502, "502"),
        (json_reply(b"[1]"), 200, "200 without a JSON object"),
        (web.raw(b""), 0, "Server disconnected without sending a response."),
    ],
)
def test_refusal_is_told_in_a_few_words(answer: web.Answer, status: int, error: str):
    with web.site(answer) as site:
        reply = deployment(site).detect(b"image", {})
    assert (reply.status, reply.error, "label" in reply.found) == (status, error, False)


def test_answer_that_does_not_come_is_given_up():
    with web.site(stalling(0, 0.3)) as site:
        reply = deployment(site, timeout=0.05).detect(b"image", {})
    assert (reply.status, reply.error) == (0, "no answer within 0.05 s")


def test_wait_that_the_service_asks_for_is_heard():
    with web.site(json_reply(b"{}", "429 Later", Retry_After="3")) as site:
        assert deployment(site).detect(b"image", {}).retry_after == 3


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:3000",
        "ftp://host",
        "http://",
        "http://h:99999",
        "http://u:p@h",
        "http://h/?a",
    ],
)
def test_what_is_no_address_is_refused(url: str):
    with pytest.raises(ConfigError, match="no address"):
        Deployment(url)


def test_odd_key_is_refused_without_being_shown():
    with pytest.raises(ConfigError) as refused:
        Deployment("http://host", key="abc\ndef")
    assert "abc" not in str(refused.value)


def test_model_is_read_below_a_path():
    with web.site(json_reply(MODEL)) as site:
        found = Deployment(f"http://{web.HERE}:{site.port}/assay/").model()
    assert found["version"] == "7"
    assert site.requests[0].startswith(b"GET /assay/v1/model ")


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (json_reply(b"", "401 No"), ConfigError, "refuses the API key; give one in ASSAY_API_KEY"),
        (json_reply(b"<html>", "404 Not Found"), SourceUnavailable, "is no Assay deployment"),
        (json_reply(b'{"models": []}'), SourceUnavailable, "is no Assay deployment"),
        (json_reply(b"{}", "503 Not Yet"), SourceUnavailable, "does not answer: 503"),
        (web.redirect("http://elsewhere"), SourceUnavailable, "is no Assay deployment"),
    ],
)
def test_what_is_no_deployment_is_told(answer: web.Answer, error: type, message: str):
    with web.site(answer) as site, pytest.raises(error, match=message):
        deployment(site).model()


def test_key_that_may_detect_but_not_read_is_no_reason_to_stop():
    with web.site(json_reply(b'{"code": "forbidden"}', "403 No")) as site:
        assert deployment(site).model() == {}
