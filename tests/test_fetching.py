"""Fetching from servers that lie, stall, redirect and never end, on loopback and for real."""

from __future__ import annotations

import gzip
import socket
import ssl
import time
import zlib
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path

import pytest

from assay.errors import ForbiddenAddress, ImageTooLarge, SourceUnavailable
from assay.fetching import Fetched, FetchSettings, fetch
from tests import certificates, web

IMAGE = b"\x89PNG and so on"
LIMIT = 200_000
OK = b"HTTP/1.1 200 OK\r\n"
BOMB = gzip.compress(bytes(50 * LIMIT))


def here(host: str, port: int) -> list[str]:
    return [web.HERE]


def settings(port: int, **others: object) -> FetchSettings:
    quick = {"connect_seconds": 1.0, "read_seconds": 0.3, "total_seconds": 0.6, "max_bytes": LIMIT}
    allowed = (ip_network(f"{web.HERE}/32"),)
    return FetchSettings(ports=(port,), allowed_networks=allowed, **(quick | others))


def fetched(answer: web.Answer, path: str = "/a.png", **others: object) -> Fetched:
    with web.site(answer) as site:
        return fetch(site.url(path), settings(site.port, **others), resolver=here)


SIMPLE = {
    "plain": web.reply(IMAGE),
    "until it closes": web.raw(OK + b"\r\n" + IMAGE),
    "chunked": web.raw(
        OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + IMAGE[:5] + b"\r\n9\r\n"
        + IMAGE[5:] + b"\r\n0\r\n\r\n"
    ),
    "gzip, unasked": web.reply(gzip.compress(IMAGE), Content_Encoding="gzip"),
    "deflate, unasked": web.reply(zlib.compress(IMAGE), Content_Encoding="deflate"),
    "a body longer than it says": web.raw(OK + b"Content-Length: 14\r\n\r\n" + IMAGE + b"more"),
    "drop by drop, but done in time": web.drop_by_drop(OK + b"\r\n" + IMAGE, 0.001),
}  # fmt: skip


@pytest.mark.parametrize("answer", SIMPLE.values(), ids=SIMPLE)
def test_fetch_gives_the_bytes(answer: web.Answer):
    assert fetched(answer).data == IMAGE


HOSTILE: dict[str, tuple[web.Answer, type[Exception], str]] = {
    "redirect to a metadata service": (
        web.redirect("http://169.254.169.254:PORT/latest/meta-data/"), ForbiddenAddress, "metadata"
    ),
    "redirect to loopback": (web.redirect("http://127.0.0.1:PORT/"), ForbiddenAddress, "loopback"),
    "redirect to a short form": (web.redirect("http://127.1:PORT/"), ForbiddenAddress, "loopback"),
    "redirect to a number": (
        web.redirect("http://2130706433:PORT/", "307 Temporary Redirect"), ForbiddenAddress, "loop"
    ),
    "redirect to hexadecimal": (web.redirect("http://0x7f.1:PORT/"), ForbiddenAddress, "loopback"),
    "redirect to octal": (web.redirect("//0177.0.0.1:PORT/"), ForbiddenAddress, "loopback"),
    "redirect to mapped IPv6": (
        web.redirect("http://[::ffff:10.0.0.1]:PORT/", "308 Permanent Redirect"),
        ForbiddenAddress, "private",
    ),
    "redirect to NAT64": (
        web.redirect("http://[64:ff9b::a9fe:a9fe]:PORT/"), ForbiddenAddress, "metadata"
    ),
    "redirect to a file": (web.redirect("file:///etc/passwd"), ForbiddenAddress, "not http"),
    "redirect to gopher": (web.redirect("gopher://a.example/"), ForbiddenAddress, "not http"),
    "redirect to another port": (
        web.redirect("http://a.example:22/"), ForbiddenAddress, "port 22 is not allowed"
    ),
    "redirect with credentials": (
        web.redirect("http://a:b@c.example:PORT/"), ForbiddenAddress, "user name"
    ),
    "redirect to a space": (web.redirect("http://a .example:PORT/"), ForbiddenAddress, "space"),
    "redirect to itself": (web.redirect("/a.png"), SourceUnavailable, "redirects more than 5"),
    "redirect to nowhere": (web.reply(status="302 Found"), SourceUnavailable, "status 302"),
    "declared too large": (web.reply(Content_Length="999999999"), ImageTooLarge, "MiB"),
    "endless body": (web.endless(OK + b"\r\n", bytes(65536)), ImageTooLarge, "0.191 MiB"),
    "endless chunks": (
        web.endless(
            OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + bytes(4096) + b"\r\n"
        ),
        ImageTooLarge, "MiB",
    ),
    "endless headers": (web.endless(OK, b"X-A: b\r\n" * 99), SourceUnavailable, "HTTP"),
    "one endless header": (web.endless(OK + b"X-A: ", b"b" * 999), SourceUnavailable, "HTTP"),
    "endless informational answers": (
        web.endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), SourceUnavailable, "seconds in all"
    ),
    "gzip bomb": (web.reply(BOMB, Content_Encoding="gzip"), ImageTooLarge, "MiB"),
    "deflate bomb": (
        web.reply(zlib.compress(bytes(50 * LIMIT)), Content_Encoding="deflate"), ImageTooLarge, "M"
    ),
    "gzip twice": (
        web.reply(gzip.compress(gzip.compress(IMAGE)), Content_Encoding="gzip, gzip"),
        SourceUnavailable, "'gzip, gzip'",
    ),
    "brotli": (web.reply(IMAGE, Content_Encoding="br"), SourceUnavailable, "'br', unasked"),
    "no gzip at all": (web.reply(IMAGE, Content_Encoding="gzip"), SourceUnavailable, "damaged"),
    "cut gzip": (
        web.reply(gzip.compress(IMAGE)[:-9], Content_Encoding="gzip"), SourceUnavailable, "incompl"
    ),
    "shorter than it says": (
        web.raw(OK + b"Content-Length: 99\r\n\r\n" + IMAGE), SourceUnavailable, "stopped midway"
    ),
    "two lengths": (
        web.raw(OK + b"Content-Length: 13\r\nContent-Length: 2\r\n\r\n" + IMAGE),
        SourceUnavailable, "HTTP",
    ),
    "negative length": (web.reply(IMAGE, Content_Length="-1"), SourceUnavailable, "HTTP"),
    "slow loris in the head": (
        web.drop_by_drop(OK + b"X-A: " + b"b" * 999), SourceUnavailable, "0.6 seconds in all"
    ),
    "slow loris in the body": (
        web.drop_by_drop(OK + b"\r\n" + bytes(999)), SourceUnavailable, "0.6 seconds in all"
    ),
    "silence": (lambda connection, request: time.sleep(0.6), SourceUnavailable, "in time"),
    "hanging up": (lambda connection, request: None, SourceUnavailable, "stopped midway"),
    "not HTTP": (web.raw(b"220 mail.example ESMTP\r\n"), SourceUnavailable, "HTTP"),
    "not found": (web.reply(status="404 Not Found"), SourceUnavailable, "status 404"),
    "sign in": (web.reply(status="401 Unauthorized"), SourceUnavailable, "signing in"),
    "only a part": (web.reply(IMAGE, "206 Partial Content"), SourceUnavailable, "status 206"),
    "nothing": (web.reply(), SourceUnavailable, "is empty"),
}  # fmt: skip


def with_port(answer: web.Answer) -> web.Answer:
    """``answer`` with its own port where it says PORT."""

    class Renamed:
        def __init__(self, connection: socket.socket) -> None:
            self._connection = connection

        def sendall(self, data: bytes) -> None:
            port = str(self._connection.getsockname()[1]).encode()
            self._connection.sendall(data.replace(b"PORT", port))

    return lambda connection, request: answer(Renamed(connection), request)  # type: ignore[arg-type]


@pytest.mark.parametrize(("answer", "error", "words"), HOSTILE.values(), ids=HOSTILE)
def test_fetch_refuses_hostile_server(answer: web.Answer, error: type[Exception], words: str):
    begun = time.monotonic()
    with pytest.raises(error) as refused:
        fetched(with_port(answer))
    assert words in str(refused.value)
    assert time.monotonic() - begun < 2.5


NEVER_ASKED = [
    "http://127.0.0.1:PORT/",
    "http://0x7f.1:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://017700000001:PORT/",
    "http://[::1]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://[::ffff:7f00:1]:PORT/",
    "http://[2002:7f00:1::]:PORT/",
    "http://[64:ff9b::127.0.0.1]:PORT/",
    "http://169.254.169.254:PORT/latest/meta-data/",
    "http://100.100.100.200:PORT/",
    "http://localhost:PORT/",
    "http://localhost.:PORT/",
    "http://①②⑦.0.0.1:PORT/",
    "http://127｡0｡0｡1:PORT/",
    "http://0:PORT/",
    "http://0.0.0.0:PORT/",
    "http://a@127.0.0.1:PORT/",
    "http://example.com@127.0.0.1:PORT/",
    "http://127.0.0.1:PORT\\@example.com/",  # pragma: allowlist secret
    "http://127.0.0.1:PORT/\r\nHost: example.com",
    "file:///etc/passwd",
    "gopher://127.0.0.1:PORT/_x",
]


@pytest.mark.parametrize("url", NEVER_ASKED)
def test_fetch_connects_to_no_address_within(url: str):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.01)
        port = listening.getsockname()[1]
        with pytest.raises(ForbiddenAddress):
            fetch(url.replace("PORT", str(port)), settings(port))
        with pytest.raises(TimeoutError):
            listening.accept()


def test_fetch_resolves_once_so_that_an_answer_cannot_change():
    answers = iter([[web.HERE], ["127.0.0.1"]])
    with web.site(web.reply(IMAGE)) as site:
        found = fetch(site.url(), settings(site.port), resolver=lambda h, p: next(answers))
    assert found.data == IMAGE
    assert next(answers) == ["127.0.0.1"]


def test_fetch_checks_the_name_again_on_a_redirect():
    answers = iter([[web.HERE], ["127.0.0.1"]])
    with (
        web.site(web.redirect("/b")) as site,
        pytest.raises(ForbiddenAddress, match="loopback"),
    ):
        fetch(site.url(), settings(site.port), resolver=lambda h, p: next(answers))
    assert len(site.requests) == 1


def test_fetch_follows_five_redirects_and_says_where_it_ended():
    turns = [web.redirect(f"/{step}?a=b") for step in range(5)]
    found = fetched(web.in_turn(*turns, web.reply(IMAGE)), "/start")
    assert found.data == IMAGE
    assert found.url.endswith("/4?a=b")


def test_fetch_asks_plainly_without_cookies_or_proxy(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    answer = web.in_turn(
        web.reply(status="302 Found", Location="/b", Set_Cookie="a=b"), web.reply(IMAGE)
    )
    with web.site(answer) as site:
        fetch(site.url("/a?x=1#part"), settings(site.port), resolver=here)
    first, second = (request.decode().split("\r\n") for request in site.requests)
    assert first[0] == "GET /a?x=1 HTTP/1.1"
    assert second[0] == "GET /b HTTP/1.1"
    sent = {line.partition(":")[0].lower(): line.partition(": ")[2] for line in second[1:] if line}
    assert sent == {
        "host": f"images.example:{site.port}",
        "user-agent": "Assay",
        "connection": "close",
        "accept": "image/*, */*;q=0.5",
        "accept-encoding": "identity",
    }


def test_fetch_tries_the_next_address_where_one_does_not_answer():
    with web.site(web.reply(IMAGE)) as site:
        allowed = (ip_network("127.7.7.0/24"),)
        found = fetch(
            site.url(),
            settings(site.port).model_copy(update={"allowed_networks": allowed}),
            resolver=lambda host, port: ["127.7.7.8", web.HERE],
        )
    assert found.data == IMAGE


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_fetch_takes_all_up_to_the_limit(size: int):
    assert len(fetched(web.reply(bytes(size))).data) == size


def secure(folder: Path, name: str, days: int, client: Callable[[], ssl.SSLContext]) -> Fetched:
    with web.site(web.reply(IMAGE), certificates.server(folder, name, days=days)) as site:
        url = site.url(scheme="https")
        return fetch(url, settings(site.port), resolver=here, tls=client())


def test_fetch_verifies_the_certificate_against_the_name(tmp_path: Path):
    assert secure(tmp_path, "images.example", 1, certificates.client).data == IMAGE


@pytest.mark.parametrize(
    ("name", "days", "client"),
    [
        ("other.example", 1, certificates.client),
        ("images.example", -1, certificates.client),
        ("images.example", 1, ssl.create_default_context),
    ],
    ids=["another name", "expired", "unknown authority"],
)
def test_fetch_refuses_a_certificate(
    name: str, days: int, client: Callable[[], ssl.SSLContext], tmp_path: Path
):
    with pytest.raises(SourceUnavailable, match="no valid certificate"):
        secure(tmp_path, name, days, client)
