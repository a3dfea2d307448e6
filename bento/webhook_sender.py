"""Tells platforms what was decided: takes announcements that are due, tries each once, notes it.

When to try again is the store's to say, so a dead receiver costs its announcements one attempt at a
time and holds up nobody else's. A sender that is killed halfway loses nothing: what it had taken
is due again a minute later, with the same id, by which receivers know what they have.

    {"type": "decision.made" | "decision.undone", "timestamp": "2026-03-01T12:00:00+00:00",
     "data": {"detections": [{"id", "external_id"}], "label", "action", "reason_code",
              "notice": {"level", "reason", "language", "title", "sentence"} | null}}

``timestamp`` is when it was decided: announcements can arrive out of order, and the latest counts.
``notice`` is what users are told from then on; null once the image's data were deleted.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from assay import notices, signing_keys, webhooks
from assay.notices import DEFAULT_LANGUAGE
from assay.store import Decision, HumanLabel, Store
from assay.store.outbox import Announcement
from assay.store.settings import WEBHOOK_VARIABLE
from assay.webhooks import Message, WebhookSettings
from bento import captures

TYPES = {"decided": "decision.made", "undone": "decision.undone"}
"""The store's events in the words of receivers."""

_AT_ONCE = 8
"""Deliveries side by side; each ends well within the minute that the store lends it for."""
logger = logging.getLogger(__name__)


class WebhookSender:
    """Delivers what the outbox of ``store`` holds, signed with all ``keys``."""

    def __init__(self, store: Store, keys: tuple[bytes, ...], settings: WebhookSettings) -> None:
        self._store, self._keys, self._settings = store, keys, settings

    def send_due(self) -> int:
        """Try announcements that are due, a few at once; how many there were.

        Raises `StoreUnavailable`.
        """
        taken = self._store.outbox.take(_AT_ONCE)
        with ThreadPoolExecutor(_AT_ONCE, "webhook") as pool:
            list(pool.map(self._send, taken))
        return len(taken)

    def _send(self, announcement: Announcement) -> None:
        body = json.dumps(payload(self._store, announcement)).encode()
        message = Message(announcement.id, announcement.url, body, self._keys)
        outcome = webhooks.attempt(message, self._settings)
        if outcome.delivered:
            self._store.outbox.sent(announcement.id)
            return
        attempts = announcement.attempts + 1
        logger.warning("webhook %s, attempt %d: %s", announcement.id, attempts, outcome.reason)
        self._store.outbox.failed(announcement.id, outcome.reason)


def sender(store: Store, url: str, *, allow_private: bool) -> WebhookSender | None:
    """What delivers to ``url``; None where decisions are announced nowhere.

    Raises `ConfigError` without keys in the environment, or for an address that cannot be one.
    """
    if not url:
        return None
    keys = signing_keys.read(signing_keys.WEBHOOKS)
    settings = WebhookSettings.towards(url, WEBHOOK_VARIABLE, allow_private=allow_private)
    return WebhookSender(store, keys, settings)


def payload(store: Store, announcement: Announcement) -> dict[str, Any]:
    """What is sent; the same at each attempt, unless data were deleted meanwhile."""
    said = announcement.payload
    return {
        "type": TYPES[announcement.event],
        "timestamp": announcement.created_at.isoformat(),
        "data": {
            "detections": said["captures"],
            "label": said["label"],
            "action": said["action"],
            "reason_code": said["reason_code"],
            "notice": _notice(store, said),
        },
    }


def _notice(store: Store, said: dict[str, Any]) -> dict[str, Any] | None:
    found = (store.captures.find(member["id"]) for member in said["captures"])
    capture = next((one for one in found if one and one.deleted_at is None), None)
    if capture is None:
        return None
    decision = _standing(store.feedback.history(capture.id), said["feedback"])
    told: notices.Notice = captures.notice(capture, decision, DEFAULT_LANGUAGE)
    return asdict(told)


def _standing(history: Sequence[Decision], last: int) -> Decision | None:
    """The decision that counted once the row ``last`` of the history was written."""
    rows = [row for row in history if row.id <= last]
    undone = {row.undoes for row in rows}
    votes = [row for row in rows if row.id not in undone]
    said = [row for row in votes if row.label not in (None, HumanLabel.UNSURE)]
    return said[-1] if said else None
