"""Requests that are wrong on purpose, each with the status and the code that it is refused with."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from PIL import Image

from assay.images import MAX_BYTES
from assay.rollout import proxy
from tests import files
from tests.bento import services

MIB = 2**20
JPEG = services.photo(0)


@dataclass(frozen=True)
class Asked:
    """One request; ``raw`` is sent as it stands, whatever HTTP says."""

    method: str = "POST"
    path: str = "/v1/detect"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Iterable[bytes] = b""
    raw: Iterable[bytes] | None = None

    def send(self, url: str, **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and JSON of the answer."""
        host = urlsplit(url).netloc
        connection = http.client.HTTPConnection(host, timeout=30)
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent
            if self.raw is None:
                self._put(connection, {**self.headers, **headers})
            else:
                connection.connect()
                for part in self.raw:
                    connection.sock.sendall(part.replace(b"HOST", host.encode()))
        answer = http.client.HTTPResponse(connection.sock, method=self.method)
        try:
            answer.begin()
            assert answer.getheader("content-type") == "application/json"
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def _put(self, connection: http.client.HTTPConnection, headers: dict[str, str]) -> None:
        connection.putrequest(self.method, self.path, skip_host="Host" in headers)
        is_whole = isinstance(self.body, bytes)
        length = ("Content-Length", str(len(self.body))) if is_whole else _CHUNKED  # type: ignore[arg-type]
        for name, value in {**dict([length]), **headers}.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(self.body, encode_chunked=not is_whole)


class Row(NamedTuple):
    """What is asked, and how it is refused."""

    status: int
    code: str
    asked: Asked


_CHUNKED = ("Transfer-Encoding", "chunked")
_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "multipart/form-data; boundary=x"}
INVALID = 400, "invalid_request"
UNREADABLE = 422, "unreadable_image"
TOO_LARGE = 413, "image_too_large"
FORBIDDEN = 400, "forbidden_address"
NO_HTTP = 400, "invalid_http"


def upload(*parts: tuple[str, bytes], **fields: str) -> Asked:
    """A form with files ``(field, bytes)`` and text ``fields``."""
    made = [(name, ("a.jpg", data, "image/jpeg")) for name, data in parts]
    request = httpx.Request("POST", "http://a", files=made or {}, data=fields)
    kind = request.headers.get("content-type", "multipart/form-data; boundary=x")
    return Asked(headers={"Content-Type": kind}, body=request.read())


def said(**fields: Any) -> Asked:
    """A JSON request for a verdict."""
    return text(json.dumps(fields))


def text(body: str | bytes) -> Asked:
    """A request that calls itself JSON."""
    return Asked(headers=_JSON, body=body.encode() if isinstance(body, str) else body)


def good(seed: int) -> Asked:
    """A request with nothing wrong."""
    return upload(("file", services.photo(seed, 64, 96)))


def _png(width: int, height: int, *chunks: bytes, rows: int = 1) -> bytes:
    header = files.chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = files.chunk(b"IDAT", zlib.compress(bytes((width + 1) * rows), 9))
    return b"\x89PNG\r\n\x1a\n" + b"".join((header, *chunks, pixels, files.chunk(b"IEND", b"")))


def _encoded(kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64)).save(buffer, kind, **options)
    return buffer.getvalue()


def _gif(width: int, height: int) -> bytes:
    frame = struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x02\x02\x4c\x01\0"
    return (
        b"GIF89a" + struct.pack("<HH", width, height) + b"\x80\0\0" + bytes(6) + b"," + frame + b";"
    )


def _tiff_of(width: int, height: int) -> bytes:
    whole = _encoded("TIFF")
    for tag, size in ((256, width), (257, height)):
        entry = struct.pack("<HHI", tag, 4, 1)
        place = whole.index(entry) + len(entry)
        whole = whole[:place] + struct.pack("<I", size) + whole[place + 4 :]
    return whole


def _bomb_of_text() -> bytes:
    packed = zlib.compress(bytes(80 * MIB), 9)
    return _png(8, 8, files.chunk(b"zTXt", b"Comment\0\0" + packed), rows=8)


FILES: dict[str, tuple[tuple[int, str], bytes]] = {
    "an empty file": (UNREADABLE, b""),
    "text": (UNREADABLE, b"hello, this is no image"),
    "a page": (UNREADABLE, b"<!doctype html><script>alert(1)</script>"),
    "an SVG": (UNREADABLE, b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
    "PostScript": (UNREADABLE, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
    "an archive": (UNREADABLE, b"PK\x05\x06" + bytes(18)),
    "an ICO": (UNREADABLE, _encoded("ICO")),
    "a format that is not taken": (UNREADABLE, _encoded("PPM")),
    "random bytes": (UNREADABLE, bytes(range(256)) * 64),
    "half a JPEG": (UNREADABLE, JPEG[: len(JPEG) // 2]),
    "the first bytes of a JPEG": (UNREADABLE, JPEG[:20]),
    "half a PNG": (UNREADABLE, services.as_png(JPEG)[:2000]),
    "no height": (UNREADABLE, _png(8, 0)),
    "a chunk that inflates to 80 MiB": (UNREADABLE, _bomb_of_text()),
    "a PNG of 900 megapixels": (TOO_LARGE, _png(30_000, 30_000)),
    "a PNG that inflates to 64 MiB": (TOO_LARGE, _png(8192, 8192, rows=8192)),
    "a GIF of 4,295 megapixels": (TOO_LARGE, _gif(65_535, 65_535)),
    "a TIFF that lies about its size": (TOO_LARGE, _tiff_of(60_000, 60_000)),
    "a file over the limit": (TOO_LARGE, JPEG + bytes(MAX_BYTES)),
}

JSON: dict[str, tuple[tuple[int, str], Asked]] = {
    "nothing": (INVALID, text("")),
    "no JSON": (INVALID, text("{'url': 1}")),
    "half a JSON": (INVALID, text('{"url": "http')),
    "a list": (INVALID, text("[]")),
    "null": (INVALID, text("null")),
    "a text": (INVALID, text('"image"')),
    "no UTF-8": (INVALID, text(b'{"url": "\xff\xfe"}')),
    "100,000 brackets": (INVALID, text("[" * 100_000)),
    "100,000 objects": (INVALID, text('{"url":' * 100_000)),
    "a number of 100,000 digits": (INVALID, text('{"reach": ' + "9" * 100_000 + "}")),
    "neither image nor address": (INVALID, said(caption="a")),
    "both image and address": (INVALID, said(url="http://example.org/", image_base64="aGk=")),
    "an unknown field": (INVALID, said(url="http://example.org/", colour="red")),
    "an address that is a number": (INVALID, said(url=5)),
    "an image that is a list": (INVALID, said(image_base64=["aGk="])),
    "no base64": (INVALID, said(image_base64="!!!!")),
    "base64 of another length": (INVALID, said(image_base64="aGk")),
    "a data URI of text": (UNREADABLE, said(image_base64="data:text/plain;base64,aGVsbG8=")),
    "base64 of text": (UNREADABLE, said(image_base64="aGVsbG8=")),
    "a negative reach": (INVALID, said(image_base64="aGk=", reach=-1)),
    "a reach of 10^30": (INVALID, said(image_base64="aGk=", reach=10**30)),
    "a reach that is no number": (INVALID, text('{"image_base64": "aGk=", "reach": NaN}')),
    "an unknown choice": (INVALID, said(image_base64="aGk=", rationale="sometimes")),
    "a long name": (INVALID, said(image_base64="aGk=", external_id="a" * 201)),
    "a long caption": (INVALID, said(image_base64="aGk=", caption="a" * 5001)),
    "a NUL in the caption": (INVALID, said(image_base64="aGk=", caption="a\0b")),
    "half a character": (INVALID, text('{"image_base64": "aGk=", "caption": "\\ud800"}')),
    "another model": (
        (409, "model_not_served"),
        said(image_base64=base64.b64encode(JPEG).decode(), model_version="none-such"),
    ),
}

FORMS: dict[str, tuple[tuple[int, str], Asked]] = {
    "no file": (INVALID, upload(caption="a")),
    "text as file": (INVALID, upload(file="hello")),
    "two files": (INVALID, upload(("file", JPEG), ("file", JPEG))),
    "a file in another field": (INVALID, upload(("image", JPEG))),
    "an unknown form field": (INVALID, upload(("file", JPEG), colour="red")),
    "a field of the wrong type": (INVALID, upload(("file", JPEG), reach="many")),
    "a NUL in a field": (INVALID, upload(("file", JPEG), external_id="a\0b")),
    "a field of 100 KiB": (INVALID, upload(("file", JPEG), caption="a" * 100_000)),
    "50 fields": (INVALID, upload(("file", JPEG), **{f"f{n}": "a" for n in range(50)})),
    "no boundary": (INVALID, Asked(headers={"Content-Type": "multipart/form-data"}, body=b"--x")),
    "another boundary": (INVALID, Asked(headers=_FORM, body=b"--y\r\n\r\nhello\r\n--y--")),
    "a form that ends early": (
        INVALID,
        Asked(headers=_FORM, body=b'--x\r\nContent-Disposition: form-data; name="file"; filena'),
    ),
    "a part without a name": (
        INVALID,
        Asked(headers=_FORM, body=b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n"),
    ),
}
_TYPES = (
    "", "text/plain", "image/jpeg", "application/x-www-form-urlencoded", "text/xml", "\xff/*",
)  # fmt: skip

ADDRESSES = (
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://017700000001/",
    "http://0x7f000001/", "http://0x7f.0.0.1/", "http://0177.0.0.1/", "http://0/",
    "http://0.0.0.0/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/", "http://[2002:7f00:1::]/", "http://[64:ff9b::7f00:1]/",
    "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/latest/meta-data/", "http://100.100.100.200/", "http://168.63.129.16/",
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://100.64.0.1/",
    "http://localhost/", "http://LOCALHOST./", "http://①②⑦.0.0.1/", "http://224.0.0.1/",
    "http://255.255.255.255/", "http://example.org:22/", "http://example.org:6379/",
    "http://user:secret@example.org/", "http://example.org@127.0.0.1/",  # pragma: allowlist secret
    "http://127.0.0.1\\@example.org/", "http://example.org/\r\nHost: 127.0.0.1",
    "file:///etc/passwd", "ftp://example.org/a", "gopher://127.0.0.1/_x", "data:image/png,a",
    "javascript:alert(1)", "//example.org/a", "example.org/a.jpg", "", "http://", "http:///a",
    "http://[::1", f"http://example.org/{'a' * 3000}",
)  # fmt: skip


def _raw(*head: str, body: bytes = b"") -> Asked:
    lines = "\r\n".join((*head, "Host: HOST", "Content-Type: application/json", "", ""))
    return Asked(raw=(lines.encode("latin-1"), body))


def _endless_header() -> Iterator[bytes]:
    yield b"GET /livez HTTP/1.1\r\nHost: HOST\r\nX-A: "
    yield from (b"a" * 65536 for _ in range(64))


class _Bodies:
    """Bodies of 80 MiB that are made as they are sent, as often as they are asked for."""

    def __init__(self, head: bytes) -> None:
        self._head = head

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield from (b"a" * MIB for _ in range(80))


class _Endless:
    def __iter__(self) -> Iterator[bytes]:
        return _endless_header()


_FILE_HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
_POST = "POST /v1/detect HTTP/1.1"
TOO_LONG = 413, "body_too_large"
HTTP: dict[str, tuple[tuple[int, str], Asked]] = {
    "80 MiB of JSON in chunks": (TOO_LONG, Asked(headers=_JSON, body=_Bodies(b'{"url": "'))),
    "80 MiB of a form in chunks": (TOO_LONG, Asked(headers=_FORM, body=_Bodies(_FILE_HEAD))),
    "10 GB announced": (TOO_LONG, _raw(_POST, "Content-Length: 10000000000", body=b"{}")),
    "a header without end": (NO_HTTP, Asked(raw=_Endless())),
    "a negative length": (NO_HTTP, _raw(_POST, "Content-Length: -2", body=b"{}")),
    "two lengths": (NO_HTTP, _raw(_POST, "Content-Length: 2", "Content-Length: 3", body=b"{}")),
    "a chunk of no length": (
        NO_HTTP, _raw(_POST, "Transfer-Encoding: chunked", body=b"zz\r\n{}\r\n0\r\n\r\n")
    ),
    "an unknown encoding": (NO_HTTP, _raw(_POST, "Transfer-Encoding: gzip, x", body=b"{}")),
    "a NUL in the path": (NO_HTTP, _raw("GET /v1/detections/\0 HTTP/1.1")),
    "a header with a line break in its name": (NO_HTTP, _raw(_POST, "X A: 1")),
    "TLS": (NO_HTTP, Asked(raw=(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",))),
}  # fmt: skip

NOT_THERE = 404, "no_such_route"
NO_CAPTURE = 404, "not_captured"
NGINX = proxy.find() is not None
NO_PATH = NO_HTTP if NGINX else NOT_THERE
"""Above the root, or with a NUL: nginx asks nobody for it."""
WRONG_METHOD = 405, "method_not_allowed"
PATHS: dict[str, tuple[tuple[int, str], Asked]] = {
    "an unknown route": (NOT_THERE, Asked("GET", "/v1/none-such")),
    "an unknown version": (NOT_THERE, Asked("POST", "/v9/detect")),
    "PUT": (WRONG_METHOD, Asked("PUT")),
    "DELETE": (WRONG_METHOD, Asked("DELETE")),
    "a method of its own": (WRONG_METHOD, Asked("STEAL")),
    "dots": (NO_PATH, Asked("GET", "/static/../../../etc/passwd")),
    "encoded dots": (NO_PATH, Asked("GET", "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd")),
    "twice encoded dots": (NOT_THERE, Asked("GET", "/static/%252e%252e/%252e%252e/etc/passwd")),
    "backslashes": (NOT_THERE, Asked("GET", "/static/1/..%5c..%5cetc%5cpasswd")),
    "an absolute static path": (NOT_THERE, Asked("GET", "/static//etc/passwd")),
    "a NUL in a static path": (NO_PATH, Asked("GET", "/static/1/a%00.css")),
    "dots in an id": (NO_PATH, Asked("GET", "/v1/detections/..%2f..%2f..%2fetc%2fpasswd")),
    "dots as an id": (NO_CAPTURE, Asked("GET", "/v1/detections/..%5c..%5cetc")),
    "a NUL as an id": (NO_PATH if NGINX else NO_CAPTURE, Asked("GET", "/v1/detections/%00")),
    "SQL as an id": (NO_CAPTURE, Asked("GET", "/v1/detections/a'%20OR%20'1'='1")),
    "an id of 5,000 characters": (NO_CAPTURE, Asked("GET", f"/v1/detections/{'a' * 5000}")),
    "an id of nobody": (NO_CAPTURE, Asked("GET", f"/v1/detections/{'0' * 26}/image")),
}


def _headed(**headers: str) -> Asked:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = good(1)
    return Asked(headers={**asked.headers, **named}, body=asked.body)


NOT_ALLOWED = 403, "not_allowed"
HEADERS: dict[str, tuple[tuple[int, str], Asked]] = {
    "a forged Host": (NOT_ALLOWED, _headed(Host="evil.example")),
    "a Host that only begins well": (NOT_ALLOWED, _headed(Host="127.0.0.1.evil.example")),
    "a foreign Origin": (NOT_ALLOWED, _headed(Origin="https://evil.example")),
    "the Origin of a sandboxed frame": (NOT_ALLOWED, _headed(Origin="null")),
    "a long idempotency key": (INVALID, _headed(Idempotency_Key="a" * 201)),
    "an idempotency key of bytes": (INVALID, _headed(Idempotency_Key="\xe9")),
    "a language of 9,000 characters": (
        (422, "invalid_request"), _headed(Accept_Language="en," * 3000)
    ),
}  # fmt: skip

NOT_SIGNED_IN = 401, "not_signed_in"
KEYS: dict[str, tuple[tuple[int, str], Asked]] = {
    "no key": (NOT_SIGNED_IN, good(1)),
    "a wrong key": (NOT_SIGNED_IN, _headed(Authorization="Bearer assay_none_such")),
    "an empty key": (NOT_SIGNED_IN, _headed(Authorization="Bearer ")),
    "a key of bytes": (NOT_SIGNED_IN, _headed(Authorization="Bearer \xe9\xff")),
    "a key of 8,000 characters": (NOT_SIGNED_IN, _headed(Authorization=f"Bearer {'a' * 8000}")),
    "another scheme": (NOT_SIGNED_IN, _headed(Authorization="Basic YTpi")),
    "a revoked key": (NOT_SIGNED_IN, _headed(Authorization="Bearer {revoked}")),
    "a key that may only read": (NOT_ALLOWED, _headed(Authorization="Bearer {reader}")),
    "a session that is over": (NOT_SIGNED_IN, _headed(Cookie="assay_session=none-such")),
    "a session without its token": (NOT_ALLOWED, _headed(Cookie="assay_session={session}")),
    "a session with a wrong token": (
        NOT_ALLOWED, _headed(Cookie="assay_session={session}", X_CSRF_Token="a" * 64)
    ),
    "reading without a key": (NOT_SIGNED_IN, Asked("GET", f"/v1/detections/{'0' * 26}")),
    "a Host of somebody else's without a key": (NOT_SIGNED_IN, _headed(Host="localhost")),
}  # fmt: skip


def rows() -> dict[str, Row]:
    """Everything wrong that needs no key, by what is wrong."""
    types = {
        f"the content type {kind!r}": (INVALID, Asked(headers={"Content-Type": kind}, body=JPEG))
        for kind in _TYPES
    }
    addresses = {f"the address {url[:60]!r}": (FORBIDDEN, said(url=url)) for url in ADDRESSES}
    uploads = {name: (how, upload(("file", data))) for name, (how, data) in FILES.items()}
    tables = uploads, JSON, FORMS, types, addresses, HTTP, PATHS, HEADERS
    return {name: Row(*how, asked) for table in tables for name, (how, asked) in table.items()}


def unfinished(url: str) -> bytes:
    """What is answered to a body that ends before the length that was announced."""
    host = urlsplit(url)
    with socket.create_connection((host.hostname, host.port), timeout=30) as connection:
        head = f"POST /v1/detect HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Type: application/json"
        connection.sendall(f"{head}\r\nContent-Length: 100\r\n\r\n{{".encode())
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(65536)
