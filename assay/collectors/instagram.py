"""Images of Instagram: of a business account of one's own, or of a hashtag; Graph API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import Field

from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import SYSTEM, Answer, Api, ApiSettings, Clock, Kind
from assay.collectors.texts import moment, text
from assay.collectors.walks import Slice, horizon, newest_first
from assay.errors import ConfigError

_FIELDS = "id,caption,media_type,media_url,permalink,timestamp,children{id,media_type,media_url}"
_LIMITED = {4, 17, 32, 613, 80002}
"""Codes of errors that mean: too often."""
_REFUSED = {10, 102, 190, 200}
"""Those of a token that has ended or may not do this."""
_BAD_CURSOR = 400


@dataclass
class GraphApi(Api):
    """The Graph API, which tells by codes in the body what others tell by the status."""

    def kind(self, answer: Answer) -> Kind:
        """By the code of the error, where there is one."""
        code = _code(answer)
        if code in _LIMITED:
            return Kind.LIMITED
        return Kind.REFUSED if code in _REFUSED else super().kind(answer)


class Instagram(Collector):
    """Images that an account published, or that public posts with a hashtag show."""

    name: ClassVar[str] = "instagram"
    variable: ClassVar[str] = "ASSAY_INSTAGRAM_TOKEN"
    needs_token: ClassVar[bool] = True

    base_url: str = "https://graph.facebook.com"
    version: str = "v23.0"
    user_id: str = Field(pattern=r"^\d+$")
    """The number of the business or creator account that asks."""
    hashtag: str = ""
    """Without #; recent media of the last 24 hours, which is all that Instagram gives."""
    page_size: int = Field(50, ge=1, le=50)

    def api(self, settings: ApiSettings, clock: Clock = SYSTEM) -> Api:
        """An `Api` that knows the Graph API's errors."""
        return GraphApi(self.base_url, settings, clock, token=self.token(), variable=self.variable)

    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """By ``paging.cursors.after``; an account's until posts are known, a hashtag's to the end.

        The address in ``paging.next`` is never followed: it holds the token.
        """
        path, params = self._edge(api)

        def fetch(at: Cursor) -> Slice | None:
            asked = {**params, "limit": self.page_size, "after": at.page}
            answer = api.get(path, asked, accept=(200, _BAD_CURSOR) if at.page else (200,))
            if answer.status == _BAD_CURSOR:
                _refuse_unless_lost(api, answer)
                return None
            return self._slice(answer.json(), at.since)

        yield from newest_first(cursor, fetch, horizon(api.clock.now(), self.backlog_days))

    def _edge(self, api: Api) -> tuple[str, dict[str, str]]:
        if not self.hashtag:
            return f"/{self.version}/{self.user_id}/media", {"fields": _FIELDS}
        user = {"user_id": self.user_id}
        asked = {**user, "q": self.hashtag}
        found = api.get(f"/{self.version}/ig_hashtag_search", asked).json().get("data") or [{}]
        if not (number := text(found[0].get("id"))).isdigit():
            raise ConfigError(f"Instagram knows no hashtag {self.hashtag!r}; correct `hashtag`")
        return f"/{self.version}/{number}/recent_media", {**user, "fields": _FIELDS}

    def _slice(self, found: dict[str, Any], since: str) -> Slice:
        posts = tuple(_post(one) for one in found.get("data") or ())
        times = [post.published_at.isoformat() for post in posts if post.published_at]
        paging = found.get("paging") or {}
        after = text((paging.get("cursors") or {}).get("after")) if paging.get("next") else ""
        # A hashtag's media come in no promised order.
        known = not self.hashtag and bool(since) and any(_before(one, since) for one in times)
        return Slice(posts, after, max(times, default=""), known)


def _refuse_unless_lost(api: Api, answer: Answer) -> None:
    """Return for a cursor that is not taken any more; raises where the error is another."""
    if api.kind(answer) is Kind.REFUSED:
        raise ConfigError(f"Instagram refuses access; set {api.variable} to a valid token")


def _code(answer: Answer) -> int | None:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    error = found.get("error") if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None


def _before(one: str, since: str) -> bool:
    first, second = moment(one), moment(since)
    return first is not None and second is not None and first < second


def _post(found: dict[str, Any]) -> Post:
    children = (found.get("children") or {}).get("data") or [found]
    photos = tuple(
        Media(one["media_url"], text(one.get("id")))
        for one in children
        if one.get("media_type") == "IMAGE" and one.get("media_url")
    )
    when = moment(found.get("timestamp"))
    caption, link = text(found.get("caption")), text(found.get("permalink"))
    return Post(text(found.get("id")), link, caption, photos, when)
