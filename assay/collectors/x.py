"""Posts of X, from a search of the last seven days or from one account; API v2."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import Api
from assay.collectors.sessions import PLACEHOLDER, session
from assay.collectors.texts import moment, text
from assay.collectors.walks import Slice, horizon, newest_first
from assay.errors import ConfigError

if TYPE_CHECKING:
    import tweepy

_REFUSED = 400
"""The status for a cursor that is too old or none."""
_ASKED = {
    "expansions": ["attachments.media_keys"],
    "media_fields": ["alt_text", "media_key", "type", "url"],
    "tweet_fields": ["attachments", "created_at"],
}


class X(Collector):
    """Photos of posts that a search finds, or that one account publishes."""

    name: ClassVar[str] = "x"
    variable: ClassVar[str] = "ASSAY_X_TOKEN"
    needs_token: ClassVar[bool] = True

    base_url: str = "https://api.x.com"
    query: str = ""
    """As docs.x.com has it: ``#flood has:images -is:retweet``."""
    user: str = ""
    """An account by its name without @; either this or `query`."""
    page_size: int = Field(100, ge=10, le=100)

    @model_validator(mode="after")
    def _ask_one_thing(self) -> X:
        if bool(self.query) == bool(self.user):
            raise ConfigError("give either query or user")
        return self

    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """Newest first, by ``since_id`` and the tokens of pages."""
        import tweepy

        client = tweepy.Client(PLACEHOLDER, return_type=dict)
        client.session = session(api, accept=(200, _REFUSED))
        ask = self._question(client)

        def fetch(at: Cursor) -> Slice | None:
            try:
                return _slice(ask(at))
            except tweepy.BadRequest:
                return None

        yield from newest_first(cursor, fetch, horizon(api.clock.now(), self.backlog_days))

    def _question(self, client: tweepy.Client) -> Callable[[Cursor], dict[str, Any]]:
        """What is asked at a cursor; an account is looked up once."""
        import tweepy

        asked: dict[str, Any] = {**_ASKED, "max_results": self.page_size}
        if self.query:
            return lambda at: dict(
                client.search_recent_tweets(
                    self.query, since_id=at.since or None, next_token=at.page or None, **asked
                )
            )
        try:
            found = client.get_user(username=self.user).get("data") or {}
        except tweepy.BadRequest:  # a name that cannot be one
            found = {}
        if not found.get("id"):
            raise ConfigError(f"X knows no account {self.user!r}; correct `user`")
        return lambda at: dict(
            client.get_users_tweets(
                found["id"], since_id=at.since or None, pagination_token=at.page or None, **asked
            )
        )


def _slice(found: dict[str, Any]) -> Slice:
    media = {one["media_key"]: one for one in (found.get("includes") or {}).get("media") or ()}
    posts = tuple(_post(one, media) for one in found.get("data") or ())
    meta = found.get("meta") or {}
    return Slice(posts, text(meta.get("next_token")), text(meta.get("newest_id")))


def _post(found: dict[str, Any], media: dict[str, dict[str, Any]]) -> Post:
    keys = (found.get("attachments") or {}).get("media_keys") or ()
    attached = [media[key] for key in keys if key in media]
    photos = tuple(
        Media(one["url"], text(one["media_key"]), text(one.get("alt_text")))
        for one in attached
        if one.get("type") == "photo" and one.get("url")
    )
    number = text(found.get("id"))
    # This form of the address leads to the post without naming its author.
    url = f"https://x.com/i/status/{number}"
    return Post(number, url, text(found.get("text")), photos, moment(found.get("created_at")))
