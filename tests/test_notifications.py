"""People are told over real HTTP, retried, and nobody waits for a receiver that is slow or dead."""

from __future__ import annotations

import json
import threading
import time

import pytest

from assay.errors import ConfigError
from assay.notifications import Event, Kind, Notifier, body
from tests import web

EVENT = Event(
    Kind.PAGE, "Recall fell", "0.91 to 0.62 in two windows\nlook at it", "https://a.example"
)


def notifier(site: web.Site) -> Notifier:
    url = f"http://{web.HERE}:{site.port}/hook/secret-path"
    return Notifier(url, allow_private=True, first_wait=0.01)


def text(sent: bytes) -> str:
    return json.loads(sent.partition(b"\r\n\r\n")[2])["text"]


def test_event_arrives_in_the_form_of_slack() -> None:
    with web.site(web.reply(b"ok")) as site, notifier(site) as sending:
        assert sending.tell(EVENT).result(10)
    (request,) = site.requests
    assert request.startswith(b"POST /hook/secret-path HTTP/1.1")
    assert b"content-type: application/json" in request.lower()
    assert b"webhook-signature" not in request.lower()
    lines = text(request).splitlines()
    assert lines == [
        ":rotating_light: *Recall fell*",
        "0.91 to 0.62 in two windows",
        "look at it",
        "<https://a.example>",
    ]


def test_only_what_somebody_has_to_look_at_is_marked() -> None:
    said = json.loads(body(Event(Kind.INFO, "Deployed", "version 4 answers")))
    assert said == {"text": "*Deployed*\nversion 4 answers"}


def test_text_of_strangers_mentions_nobody() -> None:
    said = json.loads(body(Event(Kind.INFO, "a & b", "<!channel> <http://x|y>")))["text"]
    assert said == "*a &amp; b*\n&lt;!channel&gt; &lt;http://x|y&gt;"


def test_receiver_that_fails_is_asked_again() -> None:
    answers = web.in_turn(web.reply(status="503 Busy"), web.reply(status="500 Sorry"), web.reply())
    with web.site(answers) as site, notifier(site) as sending:
        assert sending.tell(EVENT).result(10)
    assert len(site.requests) == 3


def test_refusal_is_a_warning_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    with web.site(web.reply(status="404 Not Found")) as site, notifier(site) as sending:
        assert not sending.tell(EVENT).result(10)
    assert len(site.requests) == 1
    assert "'Recall fell' was told to nobody: the receiver answers with status 404" in caplog.text
    assert "secret-path" not in caplog.text


def test_whoever_tells_never_waits() -> None:
    """The receiver holds its answer back until the telling has returned."""
    told = threading.Event()

    def answer(connection: object, request: bytes) -> None:
        told.wait(10)
        web.reply()(connection, request)

    with web.site(answer) as site, notifier(site) as sending:
        began = time.monotonic()
        futures = [sending.tell(EVENT) for _ in range(3)]
        took = time.monotonic() - began
        told.set()
        assert all(future.result(10) for future in futures)
    assert took < 1


def test_events_arrive_in_their_order() -> None:
    with web.site(web.reply()) as site, notifier(site) as sending:
        for number in range(5):
            sending.tell(Event(Kind.INFO, f"number {number}", ""))
    assert [text(r).splitlines()[0] for r in site.requests] == [f"*number {n}*" for n in range(5)]


def test_without_an_address_nothing_is_sent() -> None:
    with Notifier.from_environment({}) as sending:
        assert not sending.tell(EVENT).result(10)


@pytest.mark.parametrize(
    "url", ["http://chat.example/secret", "ftp://chat.example/secret", "https://", "no address"]
)
def test_address_that_cannot_be_one_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="ASSAY_NOTIFY_URL is no https address") as refused:
        Notifier.from_environment({"ASSAY_NOTIFY_URL": url})
    assert url not in str(refused.value)


def test_private_receiver_is_asked_for() -> None:
    with web.site(web.reply()) as site:
        url = f"http://{web.HERE}:{site.port}/"
        variables = {"ASSAY_NOTIFY_URL": url, "ASSAY_NOTIFY_ALLOW_PRIVATE": "true"}
        with Notifier.from_environment(variables) as sending:
            assert sending.tell(EVENT).result(10)
