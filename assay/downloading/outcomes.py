"""What may be asked of a download, and what may become of one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from assay.images import MAX_BYTES
from assay.outbound import USER_AGENT, OutboundSettings
from assay.settings import Settings


class DownloadSettings(Settings):
    """How hard strangers' servers are asked, and when one is given up."""

    connections: int = Field(32, ge=1, le=512)
    """Requests at the same time, to all hosts together."""
    per_host: int = Field(2, ge=1)
    """Requests at the same time to one host."""
    pause_seconds: float = Field(0.2, ge=0)
    """Between the starts of two requests to one host."""
    attempts: int = Field(4, ge=1)
    """For one URL where a failure may pass: no connection, 429, 5xx, a time-out, a torn body."""
    backoff_seconds: float = Field(1.0, ge=0)
    """Before the second attempt; doubles for each further one, half of it drawn at random."""
    longest_wait_seconds: float = Field(120.0, ge=0)
    """A server that asks for more (``Retry-After``) is left alone for this call."""
    host_failures: int = Field(8, ge=1)
    """In a row, after which a host is given up for `host_rest_seconds`."""
    host_rest_seconds: float = Field(60.0, ge=0)
    """Then one URL tries whether the host is back."""
    max_redirects: int = Field(5, ge=0)
    max_bytes: int = Field(20 * 2**20, gt=0, le=MAX_BYTES)
    """Of one body, whatever its headers say; there are never more bodies in memory than
    ``connections`` and twice ``writers`` together."""
    failed_hours: float = Field(6.0, ge=0)
    """Before a URL that failed for a reason that may pass is asked again."""
    dead_days: float = Field(90.0, ge=0)
    """Before a URL that failed for a reason that stays is asked again."""
    refresh_days: float | None = Field(None, ge=0)
    """Before a URL that gave an image is asked whether it changed; None: never."""
    look_ahead: int = Field(4096, ge=1)
    """URLs begun and not yet handed out: how far the fast may be ahead of the slowest."""
    workers: int | None = Field(None, ge=1)
    """Processes that decode; None: one a core."""
    writers: int = Field(16, ge=1)
    """Images on their way through the decoder and into the storage at the same time."""
    user_agent: str = Field(USER_AGENT, min_length=1, pattern=r"^[\x20-\x7e]+$")
    """Some hosts want an address in it to write to."""
    outbound: OutboundSettings = OutboundSettings()


@dataclass(frozen=True, slots=True)
class Wanted:
    """An image to download, and what its source says of it."""

    url: str
    bytes: int | None = None
    media_type: str = ""


class Lie(StrEnum):
    """What a source said of an image that is not so; the image itself is good."""

    WRONG_SIZE = "wrong_size"
    WRONG_MEDIA_TYPE = "wrong_media_type"


@dataclass(frozen=True, slots=True)
class Downloaded:
    """An image that was decoded whole and is kept."""

    url: str
    digest: str
    """SHA-256 in hex: its name in the storage."""
    bytes: int
    media_type: str
    """By content."""
    lies: tuple[Lie, ...] = ()


class Refusal(StrEnum):
    """Why there is no image."""

    NO_URL = "no_url"
    FORBIDDEN = "forbidden"
    """An address that is never asked: `assay.errors.ForbiddenAddress`."""
    DEAD = "dead"
    """404, 410: gone."""
    DENIED = "denied"
    """Any other answer that blames the request: 401, 403, 451, redirects without end."""
    WRONG_TYPE = "wrong_type"
    """Its first bytes are those of no image that the decoder takes: a page, most often."""
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    """Begins like an image, and is damaged."""
    TRUNCATED = "truncated"
    """The connection ended before the body did."""
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"
    """No address, no connection, no valid certificate, no HTTP."""
    RATE_LIMITED = "rate_limited"
    """429, or 503 with a time to come back."""
    SERVER_ERROR = "server_error"
    """5xx."""

    @property
    def may_pass(self) -> bool:
        """Whether the same request may succeed later."""
        return self in _MAY_PASS


_MAY_PASS = {
    Refusal.TRUNCATED,
    Refusal.TIMED_OUT,
    Refusal.UNREACHABLE,
    Refusal.RATE_LIMITED,
    Refusal.SERVER_ERROR,
}

_OTHER_NAMES = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/x-png": "image/png"}
"""Of media types, as they are found in the wild."""


@dataclass(frozen=True, slots=True)
class NotDownloaded:
    """A URL that gave no image."""

    url: str
    refusal: Refusal
    reason: str
    """One sentence; nothing of a stranger's in it that is not escaped."""


def lies(wanted: Wanted, image: Downloaded) -> tuple[Lie, ...]:
    """What the source of ``wanted`` said of ``image`` that is not so."""
    said = wanted.media_type.partition(";")[0].strip().lower()
    found = []
    if wanted.bytes is not None and wanted.bytes != image.bytes:
        found.append(Lie.WRONG_SIZE)
    if said and _OTHER_NAMES.get(said, said) != image.media_type:
        found.append(Lie.WRONG_MEDIA_TYPE)
    return tuple(found)
