"""Answers as if they had been given."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from assay.load.client import Reply
from assay.load.pacing import Answer, Load
from assay.load.uploads import Upload
from assay.records import Label


def answer(
    number: int = 0,
    latency: float = 0.1,
    *,
    status: int = 200,
    expected: Label | None = None,
    image: str = "",
    error: str = "",
    **found: Any,
) -> Answer:
    upload = Upload(image or f"{number}.jpg", b"", expected)
    known = {"label": "authentic", "score": 0.2, "model_version": "7", "answered_from": None}
    body = {**known, **found} if status == 200 else found
    return Answer(number, upload, number / 10, number / 10, latency, Reply(status, body, error))


def load(*answers: Answer, **fields: Any) -> Load:
    return Load(datetime(2026, 1, 2, tzinfo=UTC), list(answers), **fields)
