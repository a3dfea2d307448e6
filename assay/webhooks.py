"""Tell a platform what was decided: signed, retried messages to an address that it gave.

Signed as standardwebhooks.com says, for which libraries exist in most languages: HMAC-SHA256 over
id, timestamp and body. Where messages come from and outcomes go is the caller's: an iterator each.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import logging
import random
import re
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_network
from typing import Any, NamedTuple

from pydantic import Field

from assay import addresses, outbound
from assay.addresses import Resolver
from assay.errors import ConfigError, ForbiddenAddress, SourceUnavailable
from assay.outbound import Deadline, OutboundSettings
from assay.signing_keys import is_signed, mac

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
TOLERANCE = 300
"""Seconds that a timestamp may differ from the receiver's clock: what is older is a replay."""

_VERSION = "v1,"
_ID = re.compile(r"[A-Za-z0-9_-]{1,256}")
_STAMP = re.compile(r"[0-9]{1,15}")
_TRANSIENT = (408, 429)
"""Refusals of a client that are worth another try (RFC 9110, RFC 6585)."""
_PRIVATE = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
    )
)
"""What an on-premise receiver may have; never link-local, where clouds keep credentials."""

logger = logging.getLogger(__name__)


class WebhookSettings(OutboundSettings):
    """How patiently a message is delivered."""

    connect_seconds: float = Field(5.0, gt=0)
    read_seconds: float = Field(10.0, gt=0)
    total_seconds: float = Field(15.0, gt=0)
    """For one attempt."""
    https_only: bool = True
    """Decisions about people's posts are not sent in the clear."""
    attempts: int = Field(6, ge=1)
    first_wait: float = Field(2.0, gt=0)
    """Seconds before the second attempt, doubled for each one after it."""
    longest_wait: float = Field(600.0, gt=0)

    @classmethod
    def towards(
        cls, url: str, variable: str, *, allow_private: bool, **others: Any
    ) -> WebhookSettings:
        """For an operator's own receiver at ``url``, the value of ``variable``, on any port.

        With ``allow_private`` it may be on this machine or a private network, and without TLS.
        Raises `ConfigError` for what can be no such address.
        """
        try:
            target = addresses.parse(url, range(1, 2**16))
        except ForbiddenAddress as error:
            raise ConfigError(f"{variable}: {error}") from error
        if not allow_private and target.scheme != "https":
            raise ConfigError(f"{variable} is not https; give the receiver a certificate")
        return cls(
            ports=(target.port,),
            allowed_networks=_PRIVATE if allow_private else (),
            https_only=not allow_private,
            **others,
        )


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to tell."""

    id: str
    """The same in each attempt, so that a receiver can drop what it already has."""
    url: str
    body: bytes
    """JSON."""
    keys: tuple[bytes, ...] = field(repr=False)
    """The receiver's, newest first; every one of them signs while keys change. None: unsigned."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message."""

    id: str
    delivered: bool
    attempts: int
    status: int | None
    """Of the last answer; None where there was none."""
    reason: str
    """Why it was given up, empty where it was delivered."""


def sign(message_id: str, timestamp: int, body: bytes, keys: Sequence[bytes]) -> dict[str, str]:
    """The three headers that prove who sent ``body``, and when (Unix time, seconds).

    Raises `ConfigError` for an id of anything but letters, digits, ``_`` and ``-``: it is joined
    to what follows by a full stop.
    """
    if not _ID.fullmatch(message_id):
        raise ConfigError(f"{message_id!r} is no id of a message; use letters, digits, _ and -")
    signed = _signed(message_id, timestamp, body)
    signatures = [_VERSION + base64.b64encode(mac(key, signed)).decode() for key in keys]
    return {ID: message_id, TIMESTAMP: str(timestamp), SIGNATURE: " ".join(signatures)}


def verify(
    headers: Mapping[str, str], body: bytes, keys: Sequence[bytes], now: float | None = None
) -> bool:
    """Whether one of ``keys`` signed ``body`` within `TOLERANCE` of ``now``, by default the clock.

    The receiver's half, for platforms in Python and for tests. Names of ``headers`` in any case.
    False, never an error, whatever was sent.
    """
    given = {name.lower(): value for name, value in headers.items()}
    stamp = given.get(TIMESTAMP, "")
    message_id = given.get(ID, "")
    if not _ID.fullmatch(message_id) or not _STAMP.fullmatch(stamp):
        return False
    if abs((time.time() if now is None else now) - int(stamp)) > TOLERANCE:
        return False
    signed = _signed(message_id, int(stamp), body)
    words = given.get(SIGNATURE, "").split(" ")
    candidates = [_decoded(word[len(_VERSION) :]) for word in words if word.startswith(_VERSION)]
    return any(is_signed(keys, signed, one) for one in candidates)


def deliver(
    messages: Iterable[Message],
    settings: WebhookSettings = WebhookSettings(),  # noqa: B008 (frozen)
    *,
    resolver: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
    sleep: Callable[[float], object] = time.sleep,
    rng: random.Random | None = None,
) -> Iterator[Outcome]:
    """Send all ``messages`` and yield each one's outcome as soon as it is known.

    2xx is delivered. Time-outs, 5xx, 408 and 429 are tried again, at most ``settings.attempts``
    times in all, after waits that double with full jitter (Brooker 2015), or as long as
    Retry-After asks; every other answer gives up, redirects too. All messages are tried once
    before any is tried again, so one dead receiver holds up nobody's first attempt.
    """
    jitter = rng or random.Random()  # noqa: S311 (spreads retries, protects nothing)
    send = partial(_sent, settings=settings, resolver=resolver, tls=tls)
    waiting: list[_Waiting] = []
    for order, message in enumerate(messages):
        yield from _attempted(_Waiting(0.0, order, 1, message), waiting, send, settings, jitter)
    while waiting:
        following = heapq.heappop(waiting)
        sleep(max(0.0, following.due - time.monotonic()))
        yield from _attempted(following, waiting, send, settings, jitter)


def attempt(
    message: Message,
    settings: WebhookSettings = WebhookSettings(),  # noqa: B008 (frozen)
    *,
    resolver: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Outcome:
    """Try once, for a caller with a queue of its own."""
    answer = _sent(message, settings, resolver, tls)
    return Outcome(message.id, not answer.reason, 1, answer.status, answer.reason)


class _Waiting(NamedTuple):
    """A message and when it is tried next."""

    due: float
    order: int
    attempt: int
    message: Message


class _Answer(NamedTuple):
    """What an attempt came to; ``wait`` is the least that the receiver asked for."""

    status: int | None
    reason: str
    is_final: bool
    wait: float = 0.0


def _attempted(
    turn: _Waiting,
    waiting: list[_Waiting],
    send: Callable[[Message], _Answer],
    settings: WebhookSettings,
    jitter: random.Random,
) -> Iterator[Outcome]:
    """The outcome, if this attempt settles it; else the message waits for the next one."""
    message, attempt = turn.message, turn.attempt
    answer = send(message)
    if answer.is_final or attempt >= settings.attempts:
        if answer.reason:
            logger.warning(
                "webhook %s given up after %d attempts: %s", message.id, attempt, answer.reason
            )
        yield Outcome(message.id, not answer.reason, attempt, answer.status, answer.reason)
        return
    backoff = min(settings.longest_wait, settings.first_wait * 2.0 ** (attempt - 1))
    wait = max(jitter.uniform(0, backoff), min(answer.wait, settings.longest_wait))
    again = turn._replace(due=time.monotonic() + wait, attempt=attempt + 1)
    heapq.heappush(waiting, again)


def _sent(
    message: Message,
    settings: WebhookSettings,
    resolver: Resolver | None,
    tls: ssl.SSLContext | None,
) -> _Answer:
    stamp = int(time.time())
    headers = sign(message.id, stamp, message.body, message.keys) if message.keys else {}
    try:
        target = addresses.parse(message.url, settings.ports)
        if settings.https_only and target.scheme != "https":
            raise ForbiddenAddress(f"{addresses.shown(message.url)} is not https; register one")
        with outbound.request(
            "POST",
            target,
            settings,
            Deadline(settings.total_seconds),
            headers={"Content-Type": "application/json", **headers},
            content=message.body,
            resolver=resolver,
            tls=tls,
        ) as response:
            asked = {name.lower(): value for name, value in response.headers}
            return _judged(response.status, asked.get(b"retry-after", b"").decode("latin-1"))
    except ForbiddenAddress as error:
        return _Answer(None, str(error), is_final=True)
    except SourceUnavailable as error:
        return _Answer(None, str(error), is_final=False)


def _judged(status: int, retry_after: str) -> _Answer:
    if 200 <= status < 300:
        return _Answer(status, "", is_final=True)
    wait = outbound.retry_after(retry_after, time.time()) or 0.0
    is_final = status < 500 and status not in _TRANSIENT
    return _Answer(status, f"the receiver answers with status {status}", is_final, wait)


def _signed(message_id: str, timestamp: int, body: bytes) -> bytes:
    return f"{message_id}.{timestamp}.".encode() + body


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
