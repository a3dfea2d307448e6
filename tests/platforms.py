"""Platforms on loopback, in the shapes of their public documentation, and a service to hand in to.

Each speaks to one collector, keeps a log of who asked what when, enforces its limit, and fails as
a test wants: `Platform.faults` are answered first.
"""

from __future__ import annotations

import base64
import email.parser
import email.policy
import hashlib
import json
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from assay import images
from assay.collectors.api import Clock
from tests.scenes import scene
from tests.web import HERE

TOKEN = "a-token-that-nobody-may-see"
WINDOW = 900.0
PAGE = 5
BEGAN = datetime.now(UTC) - timedelta(hours=30)
NETWORKS = [f"{HERE}/32"]


class Time:
    """A clock that stands still but for those who sleep."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC).timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.at, self.sleep)


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    at: float
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    status: int


@dataclass(frozen=True)
class Reply:
    """What a server answers; ``length`` lies about the body, which is cut then."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


def as_json(found: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(found).encode(), status, {"Content-Type": "application/json"} | named)


class Server:
    """HTTP on loopback: `reply` is asked for each request."""

    def __init__(self, time: Time) -> None:
        self.time, self.log, self.port = time, list[Asked](), 0
        self.before: Callable[[Asked], None] = lambda asked: None
        self.after: Callable[[Asked], None] = lambda asked: None
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}"

    def reply(self, method: str, asked: Asked, body: bytes) -> Reply:
        raise NotImplementedError

    @contextmanager
    def running(self) -> Iterator[None]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                server.handle(self)

            do_POST = do_GET  # noqa: N815 (the library's name)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(server.time.at)

            def log_message(self, *_: object) -> None:
                pass

        with ThreadingHTTPServer((HERE, 0), Handler) as listening:
            listening.daemon_threads = True
            self.port = listening.server_address[1]
            thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
            thread.start()
            try:
                yield
            finally:
                listening.shutdown()
                thread.join()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        parts = urlsplit(request.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        headers = {name.lower(): value for name, value in request.headers.items()}
        asked = Asked(self.time.at, parts.path, query, headers, 0)
        self.before(asked)
        with self.lock:
            found = self.reply(request.command, asked, body)
            self.log.append(Asked(asked.at, asked.path, query, headers, found.status))
        self.after(asked)
        request.send_response(found.status)
        length = len(found.body) if found.length is None else found.length
        for name, value in {**found.headers, "Content-Length": str(length)}.items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(found.body)
        request.close_connection = request.close_connection or found.length is not None


@cache
def picture(number: int) -> bytes:
    return images.encode_jpeg(scene(number, 72, 96), 85)


@dataclass(frozen=True)
class Posted:
    """A post, and the numbers of its images."""

    number: int
    images: tuple[int, ...]

    @property
    def id(self) -> str:
        return str(112_000_000_000_000_000 + self.number)

    @property
    def at(self) -> str:
        return (BEGAN + timedelta(minutes=self.number)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def caption(self) -> str:
        return f"Post {self.number}, said to show a flood"


class Platform(Server, ABC):
    """A platform with some posts; its images lie beside it."""

    name: ClassVar[str]
    variable: ClassVar[str] = ""
    pages: ClassVar[bool] = True
    """Whether it gives cursors of pages."""

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.posts: list[Posted] = []
        self.faults: list[Reply] = []
        self.deleted: set[int] = set()
        self.limit = 10**6
        self.in_window: list[float] = []
        self.violations = 0
        self.repeats = False

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Of the collector that speaks to it."""

    @abstractmethod
    def api(self, asked: Asked) -> Reply:
        """What the platform answers."""

    def publish(self, count: int, images: int = 1) -> None:
        """More posts; every fourth has none, and every fifth one image more."""
        for number in range(len(self.posts), len(self.posts) + count):
            several = 0 if number % 4 == 3 else images + (number % 5 == 4)
            self.posts.append(Posted(number, tuple(10 * number + n for n in range(several))))

    def published(self) -> list[str]:
        """SHA-256 of all images there are."""
        numbers = [n for post in self.posts for n in post.images if n not in self.deleted]
        return sorted(hashlib.sha256(picture(number)).hexdigest() for number in numbers)

    def newest_first(self) -> list[Posted]:
        return self.posts[::-1]

    def image_url(self, number: int) -> str:
        return f"{self.url}/images/{number}.jpg"

    def api_log(self) -> list[Asked]:
        return [one for one in self.log if not one.path.startswith("/images/")]

    def reply(self, method: str, asked: Asked, body: bytes) -> Reply:
        if asked.path.startswith("/images/"):
            return self.image(asked)
        if self.faults:
            return self.faults.pop(0)
        if self.variable and asked.headers.get("authorization") != f"Bearer {TOKEN}":
            return as_json({"title": "Unauthorized", "status": 401}, 401)
        if limited := self.limited():
            return limited
        found = self.api(asked)
        return Reply(found.body, found.status, {**found.headers, **self.limits()})

    def image(self, asked: Asked) -> Reply:
        number = int(asked.path.rsplit("/", 1)[1].removesuffix(".jpg"))
        if number in self.deleted:
            return Reply(b"gone", 404)
        return Reply(picture(number), headers={"Content-Type": "image/jpeg"})

    def limited(self) -> Reply | None:
        """A 429 for whoever asks more often than the limit, which is a violation."""
        now = self.time.at
        self.in_window = [at for at in self.in_window if at > now - WINDOW + 0.001]
        if len(self.in_window) >= self.limit:
            self.violations += 1
            return Reply(b"{}", 429, self.limits())
        self.in_window.append(now)
        return None

    def limits(self) -> dict[str, str]:
        """Headers that tell of the limit."""
        left = max(0, self.limit - len(self.in_window))
        return self.told(left, min(self.in_window, default=self.time.at) + WINDOW)

    def told(self, left: int, reset: float) -> dict[str, str]:
        return {"Retry-After": str(int(reset - self.time.at) + 1)} if not left else {}

    def too_often(self, seconds: float) -> Reply:
        """A 429 out of the blue."""
        return Reply(b'{"error": "slow down"}', 429, self.told(0, self.time.at + seconds))


class XPlatform(Platform):
    """GET /2/tweets/search/recent (docs.x.com)."""

    name, variable = "x", "ASSAY_X_TOKEN"

    def options(self) -> dict[str, Any]:
        return {"base_url": self.url, "query": "#flood has:images", "page_size": 10}

    def api(self, asked: Asked) -> Reply:
        assert asked.path == "/2/tweets/search/recent"
        assert "attachments.media_keys" in asked.query["expansions"]
        since = asked.query.get("since_id")
        found = [p for p in self.newest_first() if not since or int(p.id) > int(since)]
        begin = 1 if self.repeats else int(asked.query.get("next_token", "b0")[1:])
        page, rest = found[begin : begin + PAGE], found[begin + PAGE :]
        meta: dict[str, Any] = {"result_count": len(page)}
        if page:
            meta |= {"newest_id": page[0].id, "oldest_id": page[-1].id}
        if rest or self.repeats:
            meta["next_token"] = f"b{begin + PAGE}"
        answer: dict[str, Any] = {"meta": meta}
        if page:
            answer["data"] = [self.post(one) for one in page]
            media = [self.media(n) for one in page for n in one.images]
            answer["includes"] = {"media": [*media, {"media_key": "7_1", "type": "video"}]}
        return as_json(answer)

    def post(self, one: Posted) -> dict[str, Any]:
        keys = {"media_keys": [f"3_{n}" for n in one.images] or ["7_1"]}
        made = {"id": one.id, "text": one.caption, "created_at": one.at, "attachments": keys}
        return {**made, "edit_history_tweet_ids": [one.id], "author_id": "2244994945"}

    def media(self, number: int) -> dict[str, Any]:
        url = self.image_url(number)
        return {"media_key": f"3_{number}", "type": "photo", "url": url, "alt_text": "water"}

    def told(self, left: int, reset: float) -> dict[str, str]:
        return {
            "x-rate-limit-limit": str(self.limit),
            "x-rate-limit-remaining": str(left),
            "x-rate-limit-reset": str(int(reset) + 1),
        }


class MastodonPlatform(Platform):
    """GET /api/v1/timelines/tag/:hashtag (docs.joinmastodon.org)."""

    name, variable = "mastodon", "ASSAY_MASTODON_TOKEN"

    def options(self) -> dict[str, Any]:
        return {"base_url": self.url, "hashtag": "flood", "page_size": PAGE}

    def api(self, asked: Asked) -> Reply:
        if asked.path.endswith("/instance"):
            return as_json({"domain": "social.example", "version": "4.5.0"})
        if asked.path != "/api/v1/timelines/tag/flood":
            return as_json({"error": "Record not found"}, 404)
        below, above = (int(asked.query.get(name, 0)) for name in ("max_id", "since_id"))
        if self.repeats:
            below = int(self.posts[-1].id)
        found = [
            p for p in self.newest_first() if int(p.id) > above and (not below or int(p.id) < below)
        ]
        page = found[:PAGE]
        if not page:
            return as_json([])
        address = f"{self.url}{asked.path}"
        link = f'<{address}?max_id={page[-1].id}>; rel="next", <{address}?min_id={page[0].id}>'
        return as_json([self.status(one) for one in page], Link=f'{link}; rel="prev"')

    def status(self, one: Posted) -> dict[str, Any]:
        attached = [
            {
                "id": str(n),
                "type": "image",
                "url": self.image_url(n),
                "preview_url": self.image_url(n),
                "remote_url": None,
                "description": "water",
                "meta": {"original": {"width": 96, "height": 72}},
            }
            for n in one.images
        ]
        url = f"https://social.example/@someone/{one.id}"
        return {
            "id": one.id,
            "created_at": one.at,
            "url": url,
            "uri": url,
            "reblog": None,
            "content": f"<p>{one.caption}</p>",
            "spoiler_text": "",
            "visibility": "public",
            "account": {"id": "1", "acct": "someone"},
            "media_attachments": attached,
        }

    def told(self, left: int, reset: float) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(left),
            "X-RateLimit-Reset": datetime.fromtimestamp(reset, UTC).isoformat(),
        }


class InstagramPlatform(Platform):
    """GET /:ig-user-id/media (developers.facebook.com/docs/instagram-platform)."""

    name, variable = "instagram", "ASSAY_INSTAGRAM_TOKEN"

    def options(self) -> dict[str, Any]:
        return {"base_url": self.url, "user_id": "17841405822304914", "page_size": PAGE}

    def api(self, asked: Asked) -> Reply:
        assert asked.path == "/v23.0/17841405822304914/media"
        assert "access_token" not in asked.query
        found = self.newest_first()
        after = asked.query.get("after", "")
        begin = 1 if self.repeats else int(base64.b64decode(after or "MA=="))
        page, rest = found[begin : begin + PAGE], found[begin + PAGE :]
        answer: dict[str, Any] = {"data": [self.media(one) for one in page]}
        if page:
            following = base64.b64encode(str(begin + PAGE).encode()).decode()
            answer["paging"] = {"cursors": {"before": after, "after": following}}
        if rest or self.repeats:
            answer["paging"]["next"] = f"https://elsewhere.example/?access_token={TOKEN}"
        return as_json(answer)

    def media(self, one: Posted) -> dict[str, Any]:
        made = {
            "id": f"178{one.id}",
            "caption": one.caption,
            "permalink": f"https://www.instagram.com/p/{one.number}/",
            "timestamp": one.at.replace(".000Z", "+0000"),
            "media_type": "VIDEO",
        }
        # The addresses of Instagram's images change from answer to answer.
        shown = [
            {
                "id": f"179{n}",
                "media_type": "IMAGE",
                "media_url": f"{self.image_url(n)}?_nc_ht={len(self.log)}",
            }
            for n in one.images
        ]
        if len(shown) == 1:
            return {**shown[0], **made, "media_type": "IMAGE"}
        if shown:
            return {**made, "media_type": "CAROUSEL_ALBUM", "children": {"data": shown}}
        return made

    def told(self, left: int, reset: float) -> dict[str, str]:
        used = 100 if not left else 40
        minutes = 0 if left else int((reset - self.time.at) / 60) + 1
        usage = {"type": "instagram", "call_count": used, "total_cputime": 2, "total_time": 3}
        usage["estimated_time_to_regain_access"] = minutes
        return {"X-Business-Use-Case-Usage": json.dumps({"17841405822304914": [usage]})}

    def too_often(self, seconds: float) -> Reply:
        error = {"message": "Application request limit reached", "code": 4, "type": "OAuth"}
        headers = self.told(0, self.time.at + seconds)
        return Reply(json.dumps({"error": error}).encode(), 403, headers)


class WebPlatform(Platform):
    """A page and a feed, with a robots.txt."""

    name, pages = "web", False

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.robots = "User-agent: *\nDisallow: /private/\nCrawl-delay: 5\n"

    def options(self) -> dict[str, Any]:
        return {"addresses": [f"{self.url}/page", f"{self.url}/feed.xml"]}

    def api(self, asked: Asked) -> Reply:
        if asked.path == "/robots.txt":
            return Reply(self.robots.encode(), headers={"Content-Type": "text/plain"})
        shown = self.posts[asked.path != "/page" :: 2]
        made = self.page(shown) if asked.path == "/page" else self.feed(shown)
        tag = f'"{hashlib.sha256(made.encode()).hexdigest()}"'
        if asked.headers.get("if-none-match") == tag:
            return Reply(status=304)
        kind = "text/html" if asked.path == "/page" else "application/rss+xml"
        return Reply(made.encode(), headers={"ETag": tag, "Content-Type": kind})

    def page(self, shown: list[Posted]) -> str:
        numbers = [n for one in shown for n in one.images]
        images = "".join(f'<img src="/images/{n}.jpg" alt="water">' for n in numbers)
        ornaments = '<img src="/images/1.jpg" width="1" height="1"><img src="data:image/gif,x">'
        return f"<!doctype html><title>The news</title>{images}{ornaments}<img src='/logo.svg'>"

    def feed(self, shown: list[Posted]) -> str:
        items = "".join(
            f"<item><guid>{one.id}</guid><title>{one.caption}</title><link>{self.url}/{one.id}"
            f"</link><description>&lt;p&gt;Said{self.shown(one)}&lt;/p&gt;</description></item>"
            for one in shown
        )
        return f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'

    def shown(self, one: Posted) -> str:
        return "".join(f'&lt;img src="/images/{n}.jpg"/&gt;' for n in one.images)


class CapturesPlatform(Platform):
    """GET /v1/export and /v1/detections/:id/image of another Assay."""

    name, variable, pages = "captures", "ASSAY_CAPTURES_TOKEN", False

    def options(self) -> dict[str, Any]:
        return {"base_url": self.url, "page_size": PAGE}

    def api(self, asked: Asked) -> Reply:
        if asked.path == "/v1/export":
            rows = [self.row(one, n) for one in self.posts for n in one.images]
            return Reply("".join(f"{json.dumps(row)}\n" for row in rows).encode())
        number = int(asked.path.split("/")[3].removeprefix("c"))
        if number in self.deleted:
            return as_json({"error": "not kept", "code": "not_kept", "request_id": "r"}, 404)
        return Reply(picture(number), headers={"Content-Type": "image/jpeg"})

    def row(self, one: Posted, number: int) -> dict[str, Any]:
        return {
            "capture_id": f"c{number:06}",
            "captured_at": one.at,
            "decided_at": one.at,
            "label": "manipulated",
            "kept_image": True,
            "media_type": "image/jpeg",
        }


PLATFORMS = {
    one.name: one
    for one in (XPlatform, MastodonPlatform, InstagramPlatform, WebPlatform, CapturesPlatform)
}


class Service(Server):
    """What is handed in, with keys of idempotency as the real service has them."""

    def __init__(self, time: Time) -> None:
        super().__init__(time)
        self.faults: list[Reply] = []
        self.keys: dict[str, tuple[str, str]] = {}
        self.captured: list[dict[str, str]] = []

    def reply(self, method: str, asked: Asked, body: bytes) -> Reply:
        if asked.path == "/v1/model":
            return as_json({"version": "7", "question": "Is it manipulated?"})
        assert asked.path == "/v1/detect"
        if self.faults:
            return self.faults.pop(0)
        said = _form(asked.headers["content-type"], body)
        image = said.pop("file")
        digest = hashlib.sha256(image).hexdigest()
        fields = {name: value.decode() for name, value in said.items()}
        whole = hashlib.sha256(json.dumps(fields).encode() + image).hexdigest()
        key = asked.headers["idempotency-key"]
        first, capture = self.keys.setdefault(key, (whole, f"cap{len(self.keys)}"))
        if first != whole:
            return as_json({"error": "used", "code": "idempotency_conflict"}, 409)
        if all(one["id"] != capture for one in self.captured):
            self.captured.append({"id": capture, "digest": digest, **fields})
        review = int(digest, 16) % 2 == 0
        verdict = {"label": "authentic", "score": 0.25, "needs_review": review}
        return as_json({"id": capture, "model_version": "7", **verdict})

    def images(self) -> list[str]:
        """SHA-256 of what was captured."""
        return sorted(one["digest"] for one in self.captured)


def _form(kind: str, body: bytes) -> dict[str, bytes]:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    parsed = parser.parsebytes(f"Content-Type: {kind}\r\n\r\n".encode() + body)
    parts = {}
    for part in parsed.iter_parts():  # type: ignore[attr-defined]
        name = str(part.get_param("name", header="content-disposition"))
        parts[name] = bytes(part.get_payload(decode=True))
    return parts
