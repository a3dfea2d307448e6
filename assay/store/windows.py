"""The windows of traffic that the monitor measured: numbers, what was decided, and the pages."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from assay.errors import NotStored
from assay.monitoring.numbers import WindowNumbers
from assay.store.database import Database
from assay.store.ids import new_id
from assay.store.image_files import ImageFiles
from assay.store.monitor_tables import WindowRow


@dataclass(frozen=True, slots=True)
class Window:
    """One window that was measured, and what was decided on it."""

    id: str
    created_at: datetime
    numbers: WindowNumbers
    action: str
    """none | recalibrate | retrain | page; empty where nothing was decided."""
    reasons: tuple[str, ...]
    evidence: Mapping[str, Any]
    """Numbers that the decision rests on."""
    pages: tuple[str, ...]
    """Names of the pages about it, as `Windows.page` takes them."""


class Windows:
    """Windows as rows, their pages beside the captured images."""

    def __init__(self, database: Database, files: ImageFiles) -> None:
        self._database, self._files = database, files

    def add(
        self,
        numbers: WindowNumbers,
        action: str = "",
        reasons: Sequence[str] = (),
        evidence: Mapping[str, Any] | None = None,
        pages: Mapping[str, str] | None = None,
    ) -> Window:
        """Keep a window with its HTML ``pages`` by name.

        Raises `StoreUnavailable`, and `StorageError` where the pages cannot be written.
        """
        window_id = new_id()
        values: dict[str, Any] = {
            "id": window_id,
            "created_at": self._database.now(),
            "model_version": numbers.model_version,
            "since": numbers.since,
            "until": numbers.until,
            "is_enough": numbers.is_enough,
            "numbers": numbers.model_dump(mode="json"),
            "action": action,
            "reasons": list(reasons),
            "evidence": dict(evidence or {}),
            "pages": {name: self._write(window_id, html) for name, html in (pages or {}).items()},
        }
        row = WindowRow(**values)
        with self._database.writing() as session:
            session.add(row)
        return _window(row)

    def newest(
        self, model_version: str = "", limit: int = 1, *, only_enough: bool = False
    ) -> Sequence[Window]:
        """Up to ``limit`` windows of a model, or of all, the newest first.

        With ``only_enough`` those that were large enough to be judged.
        """
        query = sa.select(WindowRow).order_by(WindowRow.until.desc(), WindowRow.id.desc())
        if model_version:
            query = query.where(WindowRow.model_version == model_version)
        if only_enough:
            query = query.where(WindowRow.is_enough)
        with self._database.reading() as session:
            return [_window(row) for row in session.scalars(query.limit(limit))]

    def recorded_since(self, moment: datetime) -> Sequence[Window]:
        """Windows that were put on record since ``moment``, the last one first.

        Not those of a clock that was ahead: they were there before.
        """
        then = WindowRow.created_at.between(moment, self._database.now())
        query = sa.select(WindowRow).where(then)
        query = query.order_by(WindowRow.created_at.desc(), WindowRow.id.desc())
        with self._database.reading() as session:
            return [_window(row) for row in session.scalars(query)]

    def get(self, window_id: str) -> Window:
        """One window; raises `NotStored`."""
        with self._database.reading() as session:
            return _window(_stored(session.get(WindowRow, window_id), window_id))

    def page(self, window_id: str, name: str) -> str:
        """The HTML of one of its pages; raises `NotStored`, `StorageError` where it is missing."""
        with self._database.reading() as session:
            pages = _stored(session.get(WindowRow, window_id), window_id).pages
        if name not in pages:
            raise NotStored(f"window {window_id} has no page {name[:64]!r}; it has {_names(pages)}")
        return self._files.read(pages[name]).decode()

    def _write(self, window_id: str, html: str) -> str:
        data = html.encode()
        return self._files.write(hashlib.sha256(data).hexdigest(), window_id, data)


def _stored(row: WindowRow | None, window_id: str) -> WindowRow:
    if row is None:
        raise NotStored(f"no window {window_id[:64]!r}")
    return row


def _names(pages: Mapping[str, Any]) -> str:
    return ", ".join(pages) or "none"


def _window(row: WindowRow) -> Window:
    numbers = WindowNumbers.model_validate(row.numbers)
    decided = row.action, tuple(row.reasons), row.evidence
    return Window(row.id, row.created_at, numbers, *decided, tuple(row.pages))
