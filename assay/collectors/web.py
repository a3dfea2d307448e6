"""Images of web pages and of the entries of feeds, as far as robots.txt lets them be read."""

from __future__ import annotations

import calendar
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urljoin

from pydantic import Field

from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import Answer, Api
from assay.collectors.pictures import Shown, pictures, title
from assay.collectors.robots import Robots
from assay.collectors.texts import plain, text
from assay.errors import ConfigError, ForbiddenAddress, RateLimited, SourceUnavailable

_UNCHANGED = 304
_LONGEST = 2000


class Web(Collector):
    """Pages and feeds (RSS, Atom) by their addresses; links are not followed."""

    name: ClassVar[str] = "web"

    addresses: tuple[str, ...] = Field(min_length=1)
    min_side: int = Field(64, ge=1)
    """Pixels; an image that its page shows smaller is an ornament."""

    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """One page an address, in order; what has not changed since the last walk is empty."""
        robots = Robots(api)
        marks = dict(cursor.marks)
        limited: RateLimited | None = None
        for number in range(int(cursor.page or 0), len(self.addresses)):
            address, problem, posts = self.addresses[number], "", tuple[Post, ...]()
            try:
                posts, marks[address] = self._read(address, marks.get(address, ""), api, robots)
            except (SourceUnavailable, ForbiddenAddress, ConfigError) as error:
                problem = str(error)
            except RateLimited as error:  # the next walk asks it again; others need not wait for it
                limited = limited or error
            is_last = number + 1 == len(self.addresses)
            after = Cursor(page="" if is_last else str(number + 1), marks=dict(marks))
            yield PostPage(posts, after, problem)
        if limited:
            raise limited

    def _read(
        self, address: str, mark: str, api: Api, robots: Robots
    ) -> tuple[tuple[Post, ...], str]:
        """The posts at ``address``, and what tells later whether it has changed."""
        if why := robots.refusal(address):
            raise SourceUnavailable(f"{address}: {why}")
        known: dict[str, str] = json.loads(mark or "{}")
        answer = api.get(
            address, headers=known, accept=(200, _UNCHANGED), is_json=False, redirects=True
        )
        if answer.status == _UNCHANGED:
            return (), mark
        found = _entries(answer) or [_page(answer, self.min_side)]
        return tuple(_allowed(post, robots) for post in found), json.dumps(_validators(answer))


def _validators(answer: Answer) -> dict[str, str]:
    """The headers of a conditional request for what was answered (RFC 9110, 13)."""
    pairs = (("if-none-match", "etag"), ("if-modified-since", "last-modified"))
    found = {name: answer.headers[told] for name, told in pairs if told in answer.headers}
    # What is no ASCII could not be sent again.
    return {name: said for name, said in found.items() if said.isascii() and said.isprintable()}


def _page(answer: Answer, min_side: int) -> Post:
    html = answer.body.decode("utf-8", "replace")
    media = tuple(map(_media, pictures(html, answer.url, min_side)))
    return Post(answer.url, answer.url, title(html)[:_LONGEST], media)


def _entries(answer: Answer) -> list[Post]:
    """The entries of a feed; none where it is no feed."""
    import feedparser

    head = answer.body[:2000].lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return []
    found = feedparser.parse(
        io.BytesIO(answer.body),
        response_headers={
            "content-location": answer.url,
            "content-type": answer.headers.get("content-type", "application/xml"),
        },
    )
    if not found.version:
        return []
    if found.bozo and not answer.body.rstrip().endswith(b">"):
        raise SourceUnavailable(f"{answer.url} ends in the middle of a feed; try again later")
    return [_entry(one, answer.url) for one in found.entries]


def _entry(found: Any, base: str) -> Post:
    link = _joined(base, text(found.get("link"))) or base
    parts = [text(one.get("value")) for one in found.get("content") or ()]
    html = " ".join([*parts, text(found.get("summary"))])
    attached = [
        Shown(address, "")
        for one in (*(found.get("media_content") or ()), *(found.get("enclosures") or ()))
        if (address := _joined(base, one.get("url") or one.get("href"))) and _is_image(one)
    ]
    shown = {one.url: one for one in (*attached, *pictures(html, link, 1))}
    said = f"{plain(text(found.get('title')))} {plain(html)}".strip()
    when = found.get("published_parsed") or found.get("updated_parsed")
    media = tuple(map(_media, shown.values()))
    return Post(text(found.get("id")) or link, link, said[:_LONGEST], media, _moment(when))


def _joined(base: str, address: str | None) -> str:
    """``address`` as the feed at ``base`` means it; empty where it is none."""
    try:
        return urljoin(base, address) if address else ""
    except ValueError:
        return ""


def _moment(when: Any) -> datetime | None:
    """What feedparser gives, which is in UTC; None for a time outside of the calendar."""
    try:
        return datetime.fromtimestamp(calendar.timegm(when), UTC) if when else None
    except (OSError, OverflowError, ValueError):
        return None


def _is_image(found: Any) -> bool:
    kind = text(found.get("type")) or text(found.get("medium")) or "image"
    return kind.startswith("image") and "svg" not in kind


def _media(one: Shown) -> Media:
    return Media(one.url, alt=one.alt)


def _allowed(post: Post, robots: Robots) -> Post:
    media = tuple(Media(one.url, one.name, one.alt, _refusal(one, robots)) for one in post.media)
    return Post(post.id, post.url, post.caption, media, post.published_at)


def _refusal(media: Media, robots: Robots) -> str:
    try:
        return robots.refusal(media.url)
    except (ForbiddenAddress, RateLimited) as error:
        return str(error)
