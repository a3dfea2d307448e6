"""Servers on loopback that answer as a deployment does, or as a bad one might."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from assay.load.client import Deployment
from assay.load.uploads import Upload
from tests import web
from tests.web import Answer, Site

MODEL = json.dumps({"version": "7", "question": "?"}).encode()


def verdict(label: str = "authentic", **fields: Any) -> bytes:
    found = {"label": label, "score": 0.25, "model_version": "7", "serving_plan": None}
    return json.dumps({**found, "answered_from": None, **fields}).encode()


def json_reply(body: bytes, status: str = "200 OK", **headers: str) -> Answer:
    """An answer after which the connection closes, as it says."""
    return web.reply(body, status, Connection="close", **headers)


def deploying(detect: Answer) -> Answer:
    """A deployment whose images are answered by ``detect``."""

    def answer(connection: socket.socket, request: bytes) -> None:
        chosen = json_reply(MODEL) if request.startswith(b"GET /v1/model ") else detect
        chosen(connection, request)

    return answer


def stalling(request: int, seconds: float) -> Answer:
    """One image after the other, the one with number ``request`` for so many ``seconds``."""
    lock, count = threading.Lock(), iter(range(1_000_000))

    def answer(connection: socket.socket, body: bytes) -> None:
        with lock:
            if next(count) == request:
                time.sleep(seconds)
        json_reply(verdict())(connection, body)

    return answer


def when(number: int, happens: Callable[[], None]) -> Answer:
    """Verdicts; before the one with this number something happens, and it never comes."""
    lock, count = threading.Lock(), iter(range(1_000_000))

    def answer(connection: socket.socket, body: bytes) -> None:
        with lock:
            own = next(count)
        if own < number:
            json_reply(verdict())(connection, body)
        elif own == number:
            happens()
            connection.settimeout(0.5)
            connection.recv(1)  # until the client goes away, or has waited long enough

    return answer


def deployment(site: Site, **options: Any) -> Deployment:
    return Deployment(f"http://{web.HERE}:{site.port}", **options)


IMAGES = [Upload("a.jpg", b"first"), Upload("b.jpg", b"second")]
