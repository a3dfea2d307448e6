"""Cases in the store of a running service, put there without asking the model."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import sqlalchemy as sa
import uvicorn

from assay.records import Label
from assay.store import Capture, Store
from assay.store.ids import new_id
from assay.store.tables import CaseRow
from tests.bento import services
from tests.bento.services import Service
from tests.captures import eventually

_SEEDS = count(1000)
AUDIT_SHARE = 0.5
"""Of the stores here: half of all identifiers are audits, and each case takes one that fits."""
FINDING = {
    "id": "noise",
    "title": "Local noise",
    "value": 2.5,
    "null_rate": 0.01,
    "sentence": "Local noise differs in one place.",
    "suggests": "pasted",
    "not_applicable": "",
    "facts": [],
    "regions": [{"left": 0.2, "top": 0.3, "right": 0.5, "bottom": 0.7}],
    "surprise": 1.5,
}


def put(store: Store, *, is_audit: bool = False, uploads: int = 1, **changes: Any) -> Capture:
    """A case over a picture that no other has; its newest capture."""
    image = services.photo(next(_SEEDS))
    for _ in range(uploads):
        made = _capture(image, is_audit, changes)
        kept = store.captures.append(made, image)
    assert eventually(lambda: store.spool.find(kept.id) is None)
    return kept


def _capture(image: bytes, is_audit: bool, changes: dict[str, Any]) -> Capture:
    values: dict[str, Any] = {
        "id": _identifier(is_audit),
        "client": "platform",
        "pixel_digest": hashlib.sha256(image).hexdigest(),
        "media_type": "image/jpeg",
        "width": 128,
        "height": 96,
        "label": Label.MANIPULATED,
        "score": 0.66,
        "probabilities": {"authentic": 0.34, "manipulated": 0.6, "synthesized": 0.06},
        "needs_review": True,
        "findings": [FINDING],
        "provenance": {"state": "none", "facts": []},
        "rationale": "The noise of one region is not that of the rest.",
        "model_version": "7",
    }
    return Capture(**{**values, **changes})


def _identifier(is_audit: bool) -> str:
    """An identifier that the store draws for an audit, or does not."""
    while True:
        drawn = Capture(id=new_id(), pixel_digest="", label=Label.AUTHENTIC, score=0,
                      probabilities={}, needs_review=False, model_version="")  # fmt: skip
        if drawn.drawn(AUDIT_SHARE).is_audit is is_audit:
            return drawn.id


def empty(service: Service) -> None:
    """Close what is open, so that a test finds the queue as it filled it."""
    closed = {"is_open": False, "holder": None, "held_until": None}
    with service.runtime.store.database.writing() as session:
        session.execute(sa.update(CaseRow).values(closed))


@contextmanager
def on_loopback(service: Service) -> Iterator[str]:
    """The address of ``service`` over real HTTP; it stops with the context."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(service.app, lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        assert eventually(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()
