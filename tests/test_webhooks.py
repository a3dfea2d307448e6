"""Messages that arrive once, late, or never, at receivers on loopback."""

from __future__ import annotations

import random
from ipaddress import ip_network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import webhooks
from assay.errors import ConfigError
from assay.webhooks import Message, Outcome, WebhookSettings
from tests import certificates, web

NEW, OLD = b"n" * 32, b"o" * 32
BODY = b'{"id": 42, "label": "authentic"}'
OK = web.reply(b"thanks")


def here(host: str, port: int) -> list[str]:
    return [web.HERE]


def settings(*ports: int, **others: object) -> WebhookSettings:
    known: dict[str, object] = {
        "https_only": False,
        "connect_seconds": 0.3,
        "read_seconds": 0.2,
        "total_seconds": 0.4,
        "attempts": 3,
    }
    allowed = (ip_network(f"{web.HERE}/32"),)
    return WebhookSettings(ports=ports, allowed_networks=allowed, **(known | others))


def delivered(answer: web.Answer, **others: object) -> tuple[Outcome, list[bytes], list[float]]:
    """The outcome of one message, the requests that arrived, and the waits between them."""
    waits: list[float] = []
    with web.site(answer) as site:
        message = Message("m1", site.url("/hook"), BODY, (NEW, OLD))
        (outcome,) = webhooks.deliver(
            [message],
            settings(site.port, **others),
            resolver=here,
            sleep=waits.append,
            rng=random.Random(1),
        )
    return outcome, site.requests, waits


def headers(request: bytes) -> dict[str, str]:
    lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines)


def test_sign_agrees_with_the_example_of_the_standard():
    # https://github.com/standard-webhooks/standard-webhooks, whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw
    import base64

    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")  # pragma: allowlist secret
    signed = webhooks.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",  # pragma: allowlist secret
        1614265330,
        b'{"test": 2432232314}',
        (key,),  # pragma: allowlist secret
    )
    expected = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signed[webhooks.SIGNATURE] == expected


def test_verify_believes_either_key_in_time_and_nothing_else():
    signed = webhooks.sign("m1", 1000, BODY, (NEW,))
    assert webhooks.verify(signed, BODY, (OLD, NEW), now=1000 + webhooks.TOLERANCE)
    assert not webhooks.verify(signed, BODY, (OLD,), now=1000)
    assert not webhooks.verify(signed, BODY + b" ", (NEW,), now=1000)
    assert not webhooks.verify(signed, BODY, (NEW,), now=1001 + webhooks.TOLERANCE)
    assert not webhooks.verify(signed, BODY, (NEW,), now=999 - webhooks.TOLERANCE)
    assert not webhooks.verify(signed, BODY, (NEW,))
    assert not webhooks.verify(signed | {webhooks.ID: "m2"}, BODY, (NEW,), now=1000)
    assert not webhooks.verify(signed | {webhooks.TIMESTAMP: "1001"}, BODY, (NEW,), now=1000)


@given(
    st.dictionaries(
        st.sampled_from([webhooks.ID, webhooks.TIMESTAMP, webhooks.SIGNATURE]), st.text()
    )
)
def test_verify_answers_any_headers_with_no(given_headers: dict[str, str]):
    assert not webhooks.verify(given_headers, BODY, (NEW,))


@pytest.mark.parametrize("name", ["", "a.b", "a\r\nX: 1", "ü", "a" * 300])
def test_sign_refuses_an_id_that_could_be_read_two_ways(name: str):
    with pytest.raises(ConfigError, match="no id of a message"):
        webhooks.sign(name, 1, BODY, (NEW,))


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content"])
def test_deliver_posts_once_what_is_taken(status: str):
    outcome, requests, waits = delivered(web.raw(f"HTTP/1.1 {status}\r\n\r\n".encode()))
    assert outcome == Outcome("m1", True, 1, int(status[:3]), "")
    assert waits == []
    assert requests[0].startswith(b"POST /hook HTTP/1.1\r\n")
    assert requests[0].endswith(b"\r\n\r\n" + BODY)
    assert headers(requests[0])["Content-Type"] == "application/json"
    assert webhooks.verify(headers(requests[0]), BODY, (NEW,))
    assert webhooks.verify(headers(requests[0]), BODY, (OLD,))


@pytest.mark.parametrize(
    "answer",
    [
        web.reply(status="500 Internal Server Error"),
        web.reply(status="503 Service Unavailable"),
        web.reply(status="408 Request Timeout"),
        web.reply(status="429 Too Many Requests"),
        web.raw(b""),
        web.raw(b"nonsense\r\n\r\n"),
        web.drop_by_drop(b"HTTP/1.1 200 OK\r\n" + b"X" * 99),
    ],
    ids=["500", "503", "408", "429", "hangs up", "nonsense", "slow"],
)
def test_deliver_tries_again_what_may_pass(answer: web.Answer):
    outcome, requests, waits = delivered(web.in_turn(answer, OK))
    assert (outcome.delivered, outcome.attempts) == (True, 2)
    assert len(requests) == 2
    assert len(waits) == 1
    assert headers(requests[0])[webhooks.ID] == headers(requests[1])[webhooks.ID]


@pytest.mark.parametrize("status", [301, 302, 307, 400, 401, 403, 404, 410, 422])
def test_deliver_gives_up_what_is_refused(status: int):
    answer = web.reply(status=f"{status} No", Location="http://images.example/elsewhere")
    outcome, requests, _ = delivered(web.in_turn(answer, OK))
    assert outcome == Outcome("m1", False, 1, status, f"the receiver answers with status {status}")
    assert len(requests) == 1


def test_deliver_stops_after_its_attempts_and_says_why(caplog: pytest.LogCaptureFixture):
    outcome, requests, waits = delivered(web.reply(status="500 No"), attempts=4)
    assert (outcome.delivered, outcome.attempts, outcome.status) == (False, 4, 500)
    assert len(requests) == 4
    assert len(waits) == 3
    assert "webhook m1 given up after 4 attempts" in caplog.text


def test_waits_double_at_most_and_are_spread():
    _, _, waits = delivered(web.raw(b""), attempts=6, first_wait=2.0, longest_wait=9.0)
    assert all(0 <= wait <= most for wait, most in zip(waits, (2, 4, 8, 9, 9), strict=True))
    assert len(set(waits)) == 5


@pytest.mark.parametrize(
    ("asked", "wait"), [("7", 7.0), ("999999", 20.0), ("soon", 0.0), ("-5", 0.0)]
)
def test_waits_as_long_as_the_receiver_asks_within_reason(asked: str, wait: float):
    busy = web.reply(status="429 Too Many Requests", Retry_After=asked)
    _, _, waits = delivered(web.in_turn(busy, OK), first_wait=0.01, longest_wait=20.0)
    assert waits[0] == pytest.approx(wait, abs=0.1)


def test_dead_receiver_holds_up_nobody_elses_first_attempt():
    with web.site(web.raw(b"")) as dead, web.site(OK) as alive:
        urls = [dead.url(), alive.url(), dead.url(), alive.url()]
        messages = [Message(f"m{n}", url, BODY, (NEW,)) for n, url in enumerate(urls)]
        outcomes = webhooks.deliver(
            iter(messages), settings(dead.port, alive.port), resolver=here, sleep=lambda _: None
        )
        order = [(outcome.id, outcome.delivered) for outcome in outcomes]
    assert order[:2] == [("m1", True), ("m3", True)]
    assert sorted(order[2:]) == [("m0", False), ("m2", False)]


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:80/", "loopback"),
        ("http://169.254.169.254/", "metadata"),
        ("http://images.example:22/", "port 22"),
        ("ftp://images.example/", "not http"),
        ("https://a:b@images.example/", "password"),
    ],
)
def test_target_is_held_to_the_rules_of_fetching(url: str, words: str):
    message = Message("m1", url, BODY, (NEW,))
    (outcome,) = webhooks.deliver([message], settings(80, 443), resolver=here)
    assert (outcome.delivered, outcome.attempts, outcome.status) == (False, 1, None)
    assert words in outcome.reason


def test_target_is_https_unless_allowed(tmp_path: Path):
    with web.site(OK, certificates.server(tmp_path, "images.example")) as site:
        plain, secure = site.url(), site.url(scheme="https")
        outcomes = webhooks.deliver(
            [Message("m1", plain, BODY, (NEW,)), Message("m2", secure, BODY, (NEW,))],
            settings(site.port, https_only=True),
            resolver=here,
            tls=certificates.client(),
        )
        refused, taken = outcomes
    assert "is not https" in refused.reason
    assert taken.delivered


def test_message_does_not_show_its_keys():
    assert "nnnn" not in repr(Message("m1", "https://a.example", BODY, (NEW,)))
