"""Images that another Assay captured and people there decided, by its export.

Their labels stay there: what is collected is unlabelled, whoever collected it first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

from pydantic import Field

from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import SYSTEM, Api, ApiSettings, Clock
from assay.collectors.texts import moment, text

_MOST_BYTES = 256 * 2**20
_SECONDS = 600.0
_GONE = (400, 404, 410, 422)


class Captures(Collector):
    """Every decided capture of a service, oldest first; later decisions are found by their time."""

    name: ClassVar[str] = "captures"
    variable: ClassVar[str] = "ASSAY_CAPTURES_TOKEN"

    base_url: str
    """Of the other service; its key needs the scopes ``export`` and ``read``."""
    page_size: int = Field(100, ge=1)

    def api(self, settings: ApiSettings, clock: Clock = SYSTEM) -> Api:
        """An `Api` that takes a whole export: about 400 000 rows."""
        larger = {"max_bytes": _MOST_BYTES, "total_seconds": _SECONDS}
        return super().api(settings.model_copy(update=larger), clock)

    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """``since`` is the time of a decision, ``page`` the last capture that was handled."""
        body = api.get("/v1/export", {"format": "jsonl"}, is_json=False).body
        rows, problem = _rows(body)
        newest = cursor.newest or max((_decided(row) for row in rows), default=cursor.since)
        wanted = [
            row
            for row in rows
            if _decided(row) >= cursor.since and text(row.get("capture_id")) > cursor.page
        ]
        chunks = [wanted[n : n + self.page_size] for n in range(0, len(wanted), self.page_size)]
        for number, chunk in enumerate(chunks or [[]], 1):
            is_last = number >= len(chunks)
            here = Cursor(since=cursor.since, newest=newest, page=_id(chunk[-1]) if chunk else "")
            after = Cursor(since=newest) if is_last and not problem else here
            yield PostPage(tuple(map(self._post, chunk)), after, problem if is_last else "")

    def image(self, media: Media, api: Api) -> bytes | None:
        """The image as that service received it; empty where it is not there any more."""
        path = media.url.removeprefix(self.base_url.rstrip("/"))
        answer = api.get(path, accept=(200, *_GONE), is_json=False)
        return b"" if answer.status in _GONE else answer.body

    def _post(self, row: dict[str, Any]) -> Post:
        url = f"{self.base_url.rstrip('/')}/v1/detections/{quote(_id(row), safe='')}"
        refused = "" if row.get("kept_image") else "its sender asked not to keep it"
        media = Media(f"{url}/image", _id(row), refused=refused)
        return Post(_id(row), url, "", (media,), moment(row.get("captured_at")))


def _rows(body: bytes) -> tuple[list[dict[str, Any]], str]:
    """The rows, and what is wrong with the file; rows before a damaged one are whole."""
    rows: list[dict[str, Any]] = []
    for line in body.splitlines():
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            return rows, "the export ends within a row"
        if isinstance(row, dict) and _id(row):
            rows.append(row)
    return rows, ""


def _id(row: dict[str, Any]) -> str:
    return text(row.get("capture_id"))


def _decided(row: dict[str, Any]) -> str:
    return text(row.get("decided_at"))
