"""Images on their way to the service: asked once each, as patiently as it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from assay.collecting.ledger import Item
from assay.collectors.api import SYSTEM, Clock
from assay.errors import ConfigError, RateLimited, SourceUnavailable
from assay.load.client import KEY_VARIABLE, Deployment, Reply

_BUSY = (
    *(0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.BAD_GATEWAY),
    *(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT),
)
_ATTEMPTS = 3
"""For an image at which the service itself fails."""
_PAUSE = 1.0
"""Seconds, where the service asks for none."""
_OF_THE_IMAGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.INTERNAL_SERVER_ERROR
"""What a proxy before the service, or a failing service, may say of one image, without a code."""
_EARLIER = "idempotency_conflict"
_START = "start it with `make serve`, or name it by `collect.service`"


@dataclass(frozen=True, slots=True)
class Taken:
    """The service has captured an image."""

    found: Mapping[str, Any]
    """Its answer; empty where it had captured the image before and does not say more."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The service refuses an image, and would again."""

    reason: str


class Counter:
    """Where images are handed in; safe to use from many threads."""

    def __init__(self, deployment: Deployment, longest_wait: float, clock: Clock = SYSTEM) -> None:
        self._deployment, self._longest, self._clock = deployment, longest_wait, clock

    def model(self) -> str:
        """The version that answers; raises with the remedy where no service does."""
        try:
            return str(self._deployment.model().get("version", ""))
        except SourceUnavailable as error:
            raise SourceUnavailable(f"{error}; {_START}") from error

    def hand_in(self, item: Item, image: bytes) -> Taken | NotTaken:
        """What the service says of ``image``.

        Raises `RateLimited` where it asks for a wait of over ``longest_wait`` seconds,
        `SourceUnavailable` where it does not answer for as long, and `ConfigError` where it
        refuses the key.
        """
        said = {
            "external_id": item.external_id,
            "post_url": item.post_url,
            "caption": item.caption,
        }
        waited, failures = 0.0, 0
        while True:
            reply = self._deployment.detect(image, said, idempotency=item.key)
            failures += reply.status == HTTPStatus.INTERNAL_SERVER_ERROR
            if reply.status not in _BUSY and not 0 < failures < _ATTEMPTS:
                return self._outcome(reply)
            pause = reply.retry_after or _PAUSE
            if waited + pause > self._longest:
                raise self._too_long(reply, pause)
            self._clock.sleep(pause)
            waited += pause

    def _too_long(self, reply: Reply, pause: float) -> RateLimited | SourceUnavailable:
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
            return RateLimited(
                f"the service asks to wait {pause:g} s; run it again later, or raise "
                "`collect.longest_wait_seconds`",
                self._clock.now() + pause,
            )
        return SourceUnavailable(
            f"{self._deployment.url} takes no images: {reply.error}; {_START}, and run it again"
        )

    def _outcome(self, reply: Reply) -> Taken | NotTaken:
        if reply.status == HTTPStatus.OK and "id" in reply.found:
            return Taken(reply.found)
        if reply.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            raise ConfigError(
                f"the service refuses the API key ({reply.error}); give one with the scope "
                f"`detect` in {KEY_VARIABLE}"
            )
        if reply.found.get("code") == _EARLIER:
            return Taken({})
        if "code" not in reply.found and reply.status not in _OF_THE_IMAGE:
            raise SourceUnavailable(
                f"{self._deployment.url} does not answer as Assay does ({reply.error}); correct "
                "what stands before it, and run it again"
            )
        return NotTaken(f"the service: {reply.error}")
