"""Which addresses of the outside world may be spoken to: rules for what a stranger supplied.

A server that fetches what strangers name can be sent into its own network (server-side request
forgery, CWE-918). So an address is taken apart once, here, into exactly what will be connected to;
a host is resolved once; and what it resolves to is checked, whatever the form it was written in.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from queue import Empty, SimpleQueue
from urllib.parse import quote, urljoin, urlsplit

import idna

from assay.errors import ForbiddenAddress, SourceUnavailable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Resolver = Callable[[str, int], Sequence[str]]
"""Addresses of a host name; raises OSError where there are none. The seam for tests."""

LONGEST_URL = 2048
"""Characters; browsers and search engines handle no more reliably."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PATH_CHARACTERS = "/%:@!$&'()*+,;=-._~?[]"
_LONGEST_QUOTE = 120
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_ENDS_IN_NUMBER = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)")
_KINDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("a metadata service", ("169.254.169.254", "169.254.170.2", "168.63.129.16", "192.0.0.192")),
    ("a metadata service", ("100.100.100.200", "fd00:ec2::254", "fd20:ce::254")),
    ("a loopback address", ("127.0.0.0/8", "::1")),
    ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
    ("a private address", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("a private address", ("fec0::/10", "64:ff9b:1::/48")),
    ("a shared address of a provider (CGNAT)", ("100.64.0.0/10",)),
    ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
    ("an unspecified address", ("0.0.0.0/8", "::")),
    ("a reserved address", ("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15")),
    ("a reserved address", ("198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4")),
    ("a reserved address", ("2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16")),
)
"""IANA's special-purpose registries (2024-10), and where clouds answer with credentials: Azure's
168.63.129.16 is a public address, and the others are named before the range that they lie in."""
_FORBIDDEN = tuple((kind, ip_network(text)) for kind, texts in _KINDS for text in texts)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")
_ISATAP = (0x5EFE, 0x02005EFE)


@dataclass(frozen=True, slots=True)
class Target:
    """A web address taken apart: what is connected to, and what is asked for there."""

    scheme: str
    host: str
    """Lower case, ASCII, without a trailing dot; an address without brackets."""
    port: int
    path: str
    """Path and query, percent-encoded; never empty."""

    @property
    def netloc(self) -> str:
        """Host and port as in a ``Host`` header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address in one canonical form."""
        return f"{self.scheme}://{self.netloc}{self.path}"


def parse(url: str, ports: Sequence[int] = (80, 443)) -> Target:
    """Take ``url`` apart.

    Raises `ForbiddenAddress` for anything but http and https, user names and passwords, ports
    other than ``ports``, control characters, spaces and backslashes (which parsers disagree
    about), and hosts that are no name (RFC 1123, IDNA by UTS 46) and no address.
    """
    said = shown(url)
    if len(url) > LONGEST_URL:
        raise ForbiddenAddress(f"{said} has over {LONGEST_URL:,} characters; name a shorter one")
    if re.search(r"[\x00-\x20\x7f-\xa0\\\ufeff\u2028\u2029]", url):
        raise ForbiddenAddress(
            f"{said} holds a space, backslash or control character; percent-encode it"
        )
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname
    except ValueError as error:
        raise ForbiddenAddress(f"{said} is no web address ({error}); correct it") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise ForbiddenAddress(f"{said} is not http or https; give a web address")
    if "@" in parts.netloc:
        raise ForbiddenAddress("the address carries a user name or password; leave them out")
    if not name or ("[" in parts.netloc and ":" not in name):
        raise ForbiddenAddress(f"{said} names no host; write it as http://host/path")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in ports:
        allowed = ", ".join(map(str, ports))
        raise ForbiddenAddress(f"{said}: port {port} is not allowed; use one of {allowed}")
    path = quote(parts.path or "/", safe=_PATH_CHARACTERS)
    query = f"?{quote(parts.query, safe=_PATH_CHARACTERS)}" if parts.query else ""
    return Target(parts.scheme, _host(name, said), port, path + query)


def follow(target: Target, location: str, ports: Sequence[int]) -> Target:
    """Where a redirect from ``target`` leads; raises as `parse`."""
    try:
        return parse(urljoin(target.url, location), ports)
    except ValueError as error:  # urljoin takes brackets apart too
        raise ForbiddenAddress(
            f"{shown(target.url)} redirects to no web address; name the image itself"
        ) from error


def refusal(address: Address, allowed: Sequence[Network] = ()) -> str:
    """Why ``address`` is not spoken to ("a loopback address"); empty where it may be.

    IPv4 addresses inside IPv6 ones (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) are judged as
    what they lead to. ``allowed`` networks are spoken to although they are forbidden to others.
    """
    if any(address in network for network in allowed):
        return ""
    if kind := next((kind for kind, network in _FORBIDDEN if address in network), ""):
        return kind
    if isinstance(address, IPv4Address):
        return "" if address.is_global else "a reserved address"
    inner = _embedded(address)
    for one in inner:
        if kind := refusal(one, allowed):
            return f"{kind} inside an IPv6 one"
    return "" if inner or address in _GLOBAL_UNICAST else "a reserved address"


def resolve(
    target: Target,
    allowed: Sequence[Network] = (),
    resolver: Resolver | None = None,
    seconds: float = 5.0,
) -> tuple[Address, ...]:
    """Every address of the target's host, asked for once and all of them checked.

    Raises `ForbiddenAddress` where one of them may not be spoken to: a name with a public and a
    private address is an attack or a mistake. Raises `SourceUnavailable` where the name is not
    known within ``seconds``.
    """
    try:
        found: tuple[Address, ...] = (ip_address(target.host),)
    except ValueError:
        found = _looked_up(target, resolver or system_resolver, seconds)
    for address in found:
        if kind := refusal(address, allowed):
            # What a private name resolves to is nobody's business outside.
            raise ForbiddenAddress(
                f"{shown(target.host)} is {kind}; only public addresses are fetched"
            )
    return found


def system_resolver(host: str, port: int) -> list[str]:
    """What the operating system knows, in its order of preference (RFC 6724)."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def shown(text: str) -> str:
    """A stranger's text in quotes, on one printable line, cut where it is long."""
    cut = text if len(text) <= _LONGEST_QUOTE else f"{text[:_LONGEST_QUOTE]}..."
    return ascii(cut)


def _host(name: str, said: str) -> str:
    """The host as it is looked up; every spelling of an IPv4 address as its four numbers."""
    if ":" in name:
        try:
            return str(IPv6Address(name if "%" not in name else ""))
        except ValueError as error:
            raise ForbiddenAddress(f"{said} names no valid IPv6 address; correct it") from error
    host = _ascii_host(name, said).removesuffix(".")
    if _ENDS_IN_NUMBER.fullmatch(host):  # https://url.spec.whatwg.org/#ends-in-a-number-checker
        try:
            # Decimal, octal, hexadecimal and short forms, as every C library reads them.
            return str(IPv4Address(socket.inet_aton(host)))
        except OSError as error:
            raise ForbiddenAddress(f"{said} names no valid IPv4 address; correct it") from error
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise ForbiddenAddress(f"{said} names no valid host; correct it")
    return host


def _ascii_host(name: str, said: str) -> str:
    """IDNA with the mapping of UTS 46, which also turns full-width digits and dots into plain."""
    try:
        mapped = idna.uts46_remap(name)
        return mapped if mapped.isascii() else idna.encode(mapped).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise ForbiddenAddress(f"{said} names no valid host; correct it") from error


def _embedded(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that a packet for ``address`` would be sent on to."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.teredo:
        return address.teredo
    if address.sixtofour:
        return (address.sixtofour,)
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    is_isatap = int(address) >> 32 & 0xFFFFFFFF in _ISATAP
    return (last,) if address in _NAT64 or address in _COMPATIBLE or is_isatap else ()


def _looked_up(target: Target, resolver: Resolver, seconds: float) -> tuple[Address, ...]:
    """Ask ``resolver`` beside this thread, as getaddrinfo itself knows no time limit."""
    answers: SimpleQueue[Sequence[str] | OSError | UnicodeError] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolver(target.host, target.port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="resolver", daemon=True).start()
    try:
        answer = answers.get(timeout=max(seconds, 0.0))
    except Empty:
        answer = TimeoutError()
    if isinstance(answer, Exception) or not answer:
        raise SourceUnavailable(f"no address is known for {shown(target.host)}; check the name")
    return tuple(ip_address(text.partition("%")[0]) for text in answer)
