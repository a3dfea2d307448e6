"""One HTTP request to a checked address: pinned, bounded in time, without proxies or cookies.

httpcore speaks HTTP and TLS; the network below it is ours, so that the connection goes to the
address that was checked (a name resolved twice can answer differently: DNS rebinding), and so that
every single read and write counts against one deadline.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import httpcore2 as httpcore
from pydantic import Field, IPvAnyNetwork

from assay import addresses
from assay.addresses import Address, Resolver, Target, shown
from assay.errors import SourceUnavailable
from assay.settings import Settings

USER_AGENT = "Assay"
"""Without a version: nobody needs to know which weaknesses to try."""
_MOST_ADDRESSES = 3
"""Of a host that are tried, in order."""


class OutboundSettings(Settings):
    """How long a stranger's server may keep us, and where it may be."""

    ports: tuple[int, ...] = (80, 443)
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks of your own that may be fetched from although they are private."""
    connect_seconds: float = Field(5.0, gt=0)
    """For one connection, its TLS handshake and the look-up of the name, each."""
    read_seconds: float = Field(10.0, gt=0)
    """Without a single byte."""
    total_seconds: float = Field(30.0, gt=0)
    """For everything together, redirects included."""


class Deadline:
    """A moment by which all has to be done."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, at_most: float | None = None) -> float:
        """Seconds left, never more than ``at_most``; zero or less when it is over."""
        left = self._end - time.monotonic()
        return left if at_most is None else min(left, at_most)


def retry_after(said: str, now: float) -> float | None:
    """The seconds from ``now`` that a ``Retry-After`` asks for; None where it says neither.

    A number or a date (RFC 9110, 10.2.3); ``now`` is in seconds since 1970, by the server's clock
    where that is known.
    """
    text = said.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    moment = http_date(text)
    return None if moment is None else max(0.0, moment - now)


def http_date(said: str) -> float | None:
    """A date of HTTP in seconds since 1970; None where it is none."""
    try:
        moment = parsedate_to_datetime(said)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


@contextmanager
def request(
    method: str,
    target: Target,
    settings: OutboundSettings,
    deadline: Deadline,
    *,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    resolver: Resolver | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[httpcore.Response]:
    """The response of ``target``, its body still unread; the connection closes with the context.

    Redirects are answers like others. ``tls`` is the default context with the system's authorities
    where it is None; the certificate is verified against the host's name. Raises
    `ForbiddenAddress` before anything is sent, and `SourceUnavailable` whatever goes wrong later,
    while the caller reads the body too.
    """
    limit = deadline.left(settings.connect_seconds)
    pinned = addresses.resolve(target, settings.allowed_networks, resolver, limit)
    sent: dict[str | bytes, str | bytes] = {
        "Host": target.netloc,
        "User-Agent": USER_AGENT,
        "Connection": "close",
    }
    sent.update(headers or {})
    if content is not None:
        sent["Content-Length"] = str(len(content))
    url = httpcore.URL(
        scheme=target.scheme.encode(),
        host=target.host.encode(),
        port=target.port,
        target=target.path.encode("ascii"),
    )
    pool = httpcore.ConnectionPool(
        ssl_context=tls or _default_tls(),
        max_connections=1,
        network_backend=_Pinned(pinned, deadline),
    )
    timeouts = {
        "connect": settings.connect_seconds,
        "read": settings.read_seconds,
        "write": settings.read_seconds,
    }
    try:
        with (
            pool,
            pool.stream(
                method,
                url,
                headers=sent,
                content=content,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            yield response
    except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise SourceUnavailable(_told(target, deadline, error)) from error


@cache
def _default_tls() -> ssl.SSLContext:
    """Verifies certificates and names; reading the system's authorities takes a while."""
    return ssl.create_default_context()


def _told(target: Target, deadline: Deadline, error: Exception) -> str:
    who = shown(target.netloc)
    if deadline.left() <= 0:
        return f"{who} took over {deadline.seconds:g} seconds in all; try again later"
    if isinstance(error, httpcore.TimeoutException):
        return f"{who} did not answer in time; try again later"
    if isinstance(error.__context__, ssl.SSLCertVerificationError):
        reason = error.__context__.verify_message
        return f"{who} has no valid certificate ({reason}); have it renewed"
    if isinstance(error, httpcore.ProtocolError):
        return f"{who} does not speak HTTP correctly or stopped midway; try another address"
    return f"{who} cannot be reached or closed the connection; check the address"


class _Stream(httpcore.NetworkStream):
    """A stream whose every wait ends with the deadline, so that drop by drop gains nobody time."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _checked(self._deadline, timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _checked(self._deadline, timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _checked(self._deadline, timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever host it is asked for."""

    def __init__(self, pinned: Sequence[Address], deadline: Deadline) -> None:
        self._pinned = pinned[:_MOST_ADDRESSES]
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        refused: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._pinned:
            left = _checked(self._deadline, timeout, httpcore.ConnectTimeout)
            try:
                stream = self._network.connect_tcp(
                    str(address), port, left, local_address, socket_options
                )
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
        raise refused


def _checked(deadline: Deadline, timeout: float | None, late: type[Exception]) -> float:
    left = deadline.left(timeout)
    if left <= 0:
        raise late("the deadline has passed")
    return left
