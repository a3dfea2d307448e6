"""Captures and a clock for the tests of the store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from assay.records import Label
from assay.store import Capture, Store

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def pixels(name: str) -> str:
    """The pixel digest of an image called ``name``."""
    return hashlib.sha256(name.encode()).hexdigest()


def capture(picture: str = "harbour", **changes: Any) -> Capture:
    """A capture of ``picture`` as a service would make it, sent to review."""
    values: dict[str, Any] = {
        "client": "platform",
        "external_id": f"post-{picture}",
        "created_at": START,
        "pixel_digest": pixels(picture),
        "label": Label.MANIPULATED,
        "score": 0.7,
        "probabilities": {"authentic": 0.3, "manipulated": 0.6, "synthesized": 0.1},
        "needs_review": True,
        "findings": [{"sentence": "Local noise measures 0.5.", "null_rate": 0.1}],
        "model_version": "7",
    }
    return Capture(**{**values, **changes})


def kept(store: Store, picture: str = "harbour", **changes: Any) -> Capture:
    """A capture that has reached the database."""
    made = store.captures.append(capture(picture, **changes), image(picture))
    store.drainer.drain()
    return made


def image(picture: str) -> bytes:
    """Bytes that stand for the file of ``picture``, new lines and zeros among them."""
    return f"\n\x00{picture}\n".encode() * 100


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether ``holds`` within thirty seconds: processes end late where others want the cores."""
    return any(holds() or threading.Event().wait(0.02) for _ in range(1500))
