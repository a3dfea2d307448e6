"""Tell people what happened without them: one message to a chat's incoming webhook.

Slack's form, which Mattermost, Rocket.Chat and others read too. The address holds the permission to
write there: it comes from the environment, and no message or log repeats it.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self
from uuid import uuid4

from assay import webhooks
from assay.errors import ConfigError
from assay.webhooks import Message, WebhookSettings

VARIABLE = "ASSAY_NOTIFY_URL"
ALLOW_PRIVATE_VARIABLE = "ASSAY_NOTIFY_ALLOW_PRIVATE"
_LONGEST = 3000
"""Characters of a text that chats show in one piece."""

logger = logging.getLogger(__name__)


class Kind(StrEnum):
    """What is asked of whoever reads it."""

    INFO = "info"
    PAGE = "page"
    """Somebody has to look at it."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people should know of."""

    kind: Kind
    title: str
    text: str
    """Sentences, one a line."""
    link: str = ""
    """Where more is to be seen."""


class Notifier:
    """Sends events in their order on a thread of its own, so that whoever tells never waits.

    Without an address it sends nothing. What cannot be delivered in a few attempts is a warning.
    """

    def __init__(self, url: str, *, allow_private: bool = False, first_wait: float = 1.0) -> None:
        self._url, self._threads = url, ThreadPoolExecutor(1, "notifications")
        self._settings = _settings(url, allow_private, first_wait) if url else None

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Notifier:
        """To ``ASSAY_NOTIFY_URL``; raises `ConfigError` for one that is no https address.

        ``ASSAY_NOTIFY_ALLOW_PRIVATE=true`` allows plain HTTP, this machine and private networks.
        """
        allow_private = variables.get(ALLOW_PRIVATE_VARIABLE, "").lower() == "true"
        return cls(variables.get(VARIABLE, ""), allow_private=allow_private)

    def tell(self, event: Event) -> Future[bool]:
        """Begin to send ``event``; the future says whether it has arrived."""
        return self._threads.submit(self._sent, event)

    def close(self) -> None:
        """Return once all has been sent or given up."""
        self._threads.shutdown()

    def _sent(self, event: Event) -> bool:
        if self._settings is None:
            return False
        message = Message(f"event_{uuid4().hex}", self._url, body(event), ())
        (outcome,) = webhooks.deliver([message], self._settings)
        if not outcome.delivered:
            logger.warning("%r was told to nobody: %s", event.title, outcome.reason)
        return outcome.delivered

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def body(event: Event) -> bytes:
    """The message as JSON in Slack's form, in which a stranger's words mention and link nobody."""
    mark = ":rotating_light: " if event.kind is Kind.PAGE else ""
    lines = [f"{mark}*{_escaped(event.title)}*", _escaped(event.text[:_LONGEST])]
    if event.link:
        lines.append(f"<{_escaped(event.link)}>")
    return json.dumps({"text": "\n".join(lines)}).encode()


def _escaped(text: str) -> str:
    """As Slack asks for: ``<!channel>`` and links are made of these three."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _settings(url: str, allow_private: bool, first_wait: float) -> WebhookSettings:
    patience = {"attempts": 4, "first_wait": first_wait, "longest_wait": 30.0}
    try:
        return WebhookSettings.towards(url, VARIABLE, allow_private=allow_private, **patience)
    except ConfigError:  # whose message would repeat the address
        remedy = f"check it, or set {ALLOW_PRIVATE_VARIABLE}=true for a receiver of your own"
        raise ConfigError(f"{VARIABLE} is no https address; {remedy}") from None
