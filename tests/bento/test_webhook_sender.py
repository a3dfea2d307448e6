"""Decisions on their way to a real receiver on loopback, which fails, hangs, or is not there."""

from __future__ import annotations

import base64
import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay import signing_keys, webhooks
from assay.errors import ConfigError
from assay.store import HumanLabel, Store, StoreSettings, Vote
from bento import webhook_sender
from bento.webhook_sender import WebhookSender
from tests import web
from tests.captures import Clock, capture

KEY = b"w" * 32
OK = web.reply(b"thanks")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(signing_keys.WEBHOOKS, base64.b64encode(KEY).decode())


@contextmanager
def opened(
    folder: Path, url: str, clock: Clock, *, allow_private: bool = True
) -> Iterator[tuple[Store, WebhookSender]]:
    settings = StoreSettings(folder=folder, webhook_url=url)
    with Store.open(settings, clock=clock, drain=False) as store:
        made = webhook_sender.sender(store, url, allow_private=allow_private)
        assert made is not None
        yield store, made


def decide(store: Store, name: str = "harbour", label: str = "manipulated") -> int:
    """Decide a captured image; the number of the vote."""
    made = capture(name, findings=[])
    store.captures.append(made, b"image")
    vote = Vote(HumanLabel(label), action="label", reason_code="misleading_edit")
    return store.feedback.record(made.id, "maria", vote)


def received(request: bytes) -> dict[str, Any]:
    """What a receiver learns, once it has checked who says so."""
    head, _, body = request.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    now = float(headers[webhooks.TIMESTAMP])
    assert webhooks.verify(headers, body, (KEY,), now=now)
    assert not webhooks.verify(headers, body + b" ", (KEY,), now=now)
    said: dict[str, Any] = json.loads(body)
    return said | {"id": headers[webhooks.ID]}


def test_a_decision_and_its_undoing_reach_the_platform(tmp_path: Path) -> None:
    clock = Clock()
    with web.site(OK) as site, opened(tmp_path, site.url(host=web.HERE), clock) as (store, sender):
        number = decide(store)
        assert sender.send_due() == 1
        clock.advance(5)
        store.feedback.undo(number, "maria")
        assert sender.send_due() == 1
        assert sender.send_due() == store.outbox.backlog() == 0
    made, undone = map(received, site.requests)
    assert (made["type"], made["data"]["label"]) == ("decision.made", "manipulated")
    assert made["data"]["action"] == "label"
    assert made["data"]["reason_code"] == "misleading_edit"
    assert [one["external_id"] for one in made["data"]["detections"]] == ["post-harbour"]
    assert made["data"]["notice"]["level"] == "warning"
    assert (undone["type"], undone["data"]["label"]) == ("decision.undone", None)
    assert undone["data"]["notice"]["level"] == "none"
    assert undone["timestamp"] > made["timestamp"]


def test_what_is_sent_again_says_what_was_decided_then(tmp_path: Path) -> None:
    clock = Clock()
    answer = web.in_turn(web.reply(status="503 Busy"), OK)
    with (
        web.site(answer) as site,
        opened(tmp_path, site.url(host=web.HERE), clock) as (
            store,
            sender,
        ),
    ):
        number = decide(store)
        sender.send_due()
        store.feedback.undo(number, "maria")
        assert sender.send_due() == 1, "the undoing does not wait for the first one's next attempt"
        clock.advance(11)
        assert sender.send_due() == 1
        assert store.outbox.backlog() == 0
    first, undone, again = map(received, site.requests)
    assert again == first
    assert undone["id"] != first["id"]


def test_a_receiver_that_is_down_gets_everything_once_it_is_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    with web.site(OK) as site:
        url = site.url(host=web.HERE)
    with opened(tmp_path, url, clock) as (store, sender):
        for name in ("one", "two"):
            decide(store, name)
        with caplog.at_level(logging.WARNING):
            assert sender.send_due() == 2
        assert "cannot be reached" in caplog.text
        assert sender.send_due() == 0, "an attempt follows the store's pause, not the sender's pace"
        assert store.outbox.backlog() == 2
    with web.site(OK, port=site.port) as up, opened(tmp_path, url, clock) as (store, sender):
        clock.advance(11)
        assert sender.send_due() == 2
        assert store.outbox.backlog() == 0
    names = {received(one)["data"]["detections"][0]["external_id"] for one in up.requests}
    assert names == {"post-one", "post-two"}


def test_a_sender_that_is_killed_halfway_loses_nothing(tmp_path: Path) -> None:
    clock = Clock()
    with web.site(OK) as site:
        url = site.url(host=web.HERE)
        with opened(tmp_path, url, clock) as (store, _):
            decide(store)
            (taken,) = store.outbox.take()
        with opened(tmp_path, url, clock) as (store, sender):
            assert sender.send_due() == 0, "another sender may still be at it"
            clock.advance(61)
            assert sender.send_due() == 1
            assert store.outbox.backlog() == 0
    assert received(site.requests[0])["id"] == taken.id


def test_several_are_sent_side_by_side(tmp_path: Path) -> None:
    together = threading.Barrier(4, timeout=5)

    def answer(connection: socket.socket, request: bytes) -> None:
        together.wait()
        OK(connection, request)

    with (
        web.site(answer) as site,
        opened(tmp_path, site.url(host=web.HERE), Clock()) as (store, sender),
    ):
        for number in range(4):
            decide(store, f"image {number}")
        assert sender.send_due() == 4
        assert store.outbox.backlog() == 0


def test_private_receivers_are_refused_unless_allowed(tmp_path: Path) -> None:
    with web.site(OK) as site:
        url = f"https://{web.HERE}:{site.port}/hook"
        with opened(tmp_path, url, Clock(), allow_private=False) as (store, sender):
            decide(store)
            assert sender.send_due() == 1
            assert store.outbox.backlog() == 1
    assert site.requests == []


@pytest.mark.parametrize("url", ["http://platform.example/hook", "ftp://platform.example", "hook"])
def test_an_address_that_cannot_be_sent_to_is_said_at_the_start(url: str, tmp_path: Path) -> None:
    with (
        Store.open(StoreSettings(folder=tmp_path), drain=False) as store,
        pytest.raises(ConfigError, match="ASSAY_WEBHOOK_URL"),
    ):
        webhook_sender.sender(store, url, allow_private=False)


def test_announcing_needs_a_key_and_announcing_nowhere_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(signing_keys.WEBHOOKS)
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        assert webhook_sender.sender(store, "", allow_private=False) is None
        with pytest.raises(ConfigError, match="openssl rand"):
            webhook_sender.sender(store, "https://platform.example/hook", allow_private=False)


def test_what_was_deleted_is_announced_without_a_notice(tmp_path: Path) -> None:
    with (
        web.site(OK) as site,
        opened(tmp_path, site.url(host=web.HERE), Clock()) as (store, _),
    ):
        decide(store)
        (row,) = store.outbox.take()
        store.retention.delete(row.payload["captures"][0]["id"], "admin")
        assert webhook_sender.payload(store, row)["data"]["notice"] is None


def test_the_environment_names_the_receiver(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path))
    monkeypatch.setenv("ASSAY_WEBHOOK_URL", "https://platform.example/hook")
    assert StoreSettings.from_environment().webhook_url == "https://platform.example/hook"
