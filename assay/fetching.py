"""Fetch an image from an address that a stranger supplied, and nothing else from anywhere else."""

from __future__ import annotations

import ssl
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import httpcore2 as httpcore
from pydantic import Field

from assay import addresses, outbound
from assay.addresses import Resolver, Target, shown
from assay.errors import ImageTooLarge, SourceUnavailable
from assay.images import MAX_BYTES
from assay.outbound import Deadline, OutboundSettings

REDIRECTS = (301, 302, 303, 307, 308)
"""Statuses that come with a ``Location``."""
_HEADERS = {"Accept": "image/*, */*;q=0.5", "Accept-Encoding": "identity"}
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


class FetchSettings(OutboundSettings):
    """What an address may cost before it is given up."""

    max_redirects: int = Field(5, ge=0)
    max_bytes: int = Field(MAX_BYTES, gt=0)
    """Of the body, both as it is sent and decompressed."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered with."""

    data: bytes
    url: str
    """Where it was found in the end, in canonical form."""


def fetch(
    url: str,
    settings: FetchSettings = FetchSettings(),  # noqa: B008 (frozen)
    *,
    resolver: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Fetched:
    """The bytes at ``url``, which the decoder of `assay.images` has yet to find an image.

    Every redirect is judged like the first address. Raises `ForbiddenAddress` for one that is not
    public (`assay.addresses`), `ImageTooLarge` beyond ``settings.max_bytes`` whatever the headers
    promised, `SourceUnavailable` for every other failure. ``resolver`` and ``tls`` stand in for
    the system's.
    """
    deadline = Deadline(settings.total_seconds)
    target = addresses.parse(url, settings.ports)
    for _ in range(settings.max_redirects + 1):
        found = _one(target, settings, deadline, resolver, tls)
        if isinstance(found, bytes):
            return Fetched(found, target.url)
        target = addresses.follow(target, found, settings.ports)
    raise SourceUnavailable(
        f"{shown(url)} redirects more than {settings.max_redirects} times; name the image itself"
    )


def _one(
    target: Target,
    settings: FetchSettings,
    deadline: Deadline,
    resolver: Resolver | None,
    tls: ssl.SSLContext | None,
) -> bytes | str:
    """The body of an answer, or where it redirects to."""
    with outbound.request(
        "GET", target, settings, deadline, headers=_HEADERS, resolver=resolver, tls=tls
    ) as response:
        headers = {name.lower(): value for name, value in response.headers}
        if response.status in REDIRECTS and b"location" in headers:
            return headers[b"location"].decode("latin-1")
        if response.status != 200:
            raise SourceUnavailable(
                f"{shown(target.url)} answers with status {response.status}; "
                "check that it can be opened without signing in"
            )
        body = read_body(target, response, headers, settings.max_bytes)
    if not body:
        raise SourceUnavailable(f"{shown(target.url)} is empty; check the address")
    return body


def read_body(
    target: Target, response: httpcore.Response, headers: dict[bytes, bytes], limit: int
) -> bytes:
    """The whole body of a response, decompressed; ``headers`` by lower-case name.

    Both sizes are counted on the stream, not read from headers. Raises `ImageTooLarge` beyond
    ``limit`` bytes and `SourceUnavailable` for a compression that is unknown or damaged.
    """
    too_large = f"{shown(target.url)} is over {limit / 2**20:,.3g} MiB; name a smaller image"
    declared = headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit:
        raise ImageTooLarge(too_large)
    parts = _decoded(target, _counted(response.iter_stream(), limit, too_large), headers, limit)
    return b"".join(_counted(parts, limit, too_large))


def _counted(parts: Iterable[bytes], limit: int, too_large: str) -> Iterator[bytes]:
    """``parts``, until together they exceed ``limit``."""
    size = 0
    for part in parts:
        size += len(part)
        if size > limit:
            raise ImageTooLarge(too_large)
        yield part


def _decoded(
    target: Target, parts: Iterator[bytes], headers: dict[bytes, bytes], limit: int
) -> Iterator[bytes]:
    """``parts`` without a compression that was not asked for; gzip and deflate alone are known."""
    encoding = headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding in (b"", b"identity"):
        yield from parts
        return
    if encoding not in (b"gzip", b"x-gzip", b"deflate"):
        raise SourceUnavailable(
            f"{shown(target.url)} is sent as {shown(encoding.decode('latin-1'))}, unasked; "
            "have it sent without compression"
        )
    inflate = zlib.decompressobj(_GZIP_OR_ZLIB)
    try:
        for part in parts:
            # One byte over the limit is enough to see that it is exceeded.
            yield inflate.decompress(part, limit + 1)
    except zlib.error as error:
        raise SourceUnavailable(
            f"{shown(target.url)} is damaged ({error}); try another address"
        ) from error
    if not inflate.eof:
        raise SourceUnavailable(f"{shown(target.url)} is incomplete; try again")
