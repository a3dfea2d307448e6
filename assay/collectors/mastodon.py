"""Posts of a Mastodon server: its public timeline, a hashtag or an account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, model_validator

from assay.addresses import shown
from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import Api
from assay.collectors.sessions import PLACEHOLDER, session
from assay.collectors.texts import plain, text
from assay.collectors.walks import Slice, horizon, newest_first
from assay.errors import AssayError, ConfigError, SourceUnavailable

if TYPE_CHECKING:
    from mastodon import Mastodon as Client


class Mastodon(Collector):
    """Images of public posts; a token is needed only where a server shows strangers nothing."""

    name: ClassVar[str] = "mastodon"
    variable: ClassVar[str] = "ASSAY_MASTODON_TOKEN"

    base_url: str
    """Of the server, as ``https://mastodon.social``."""
    hashtag: str = ""
    """Without #."""
    account: str = ""
    """As ``name`` or ``name@server``; without it and `hashtag` the public timeline is read."""
    local: bool = False
    """Only posts of the server's own users."""
    page_size: int = Field(40, ge=1, le=40)

    @model_validator(mode="after")
    def _ask_one_thing(self) -> Mastodon:
        if self.hashtag and self.account:
            raise ConfigError("give hashtag or account, not both")
        return self

    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """Newest first, by ``since_id`` and the ``max_id`` of the Link header."""
        import mastodon

        client = mastodon.Mastodon(
            api_base_url=self.base_url,
            access_token=PLACEHOLDER if api.token else None,
            session=session(api),
            ratelimit_method="throw",
            version_check_mode="none",
        )

        def fetch(at: Cursor) -> Slice:
            try:
                page = self._asked(client)(
                    since_id=at.since or None, max_id=at.page or None, limit=self.page_size
                )
                following: Any = client.get_pagination_info(page, "next") or {}
            except mastodon.MastodonError as error:
                raise _ours(error) from None
            posts = tuple(_post(one) for one in page if not one.get("reblog"))
            newest = max((int(one["id"]) for one in page), default="")
            return Slice(posts, text(following.get("max_id")), text(newest))

        yield from newest_first(cursor, fetch, horizon(api.clock.now(), self.backlog_days))

    def _asked(self, client: Client) -> Callable[..., Any]:
        """The method of ``client`` for what is wanted, which takes the cursor."""
        if self.account:
            found = client.account_lookup(self.account)
            return lambda **at: client.account_statuses(
                found["id"], only_media=True, exclude_reblogs=True, **at
            )
        name = f"tag/{self.hashtag}" if self.hashtag else "public"
        return lambda **at: client.timeline(name, only_media=True, local=self.local, **at)


def _ours(error: Exception) -> AssayError:
    """The error of the `Api` that the library wrapped, or one that says what it found."""
    below: BaseException | None = error
    while below is not None:
        if isinstance(below, AssayError):
            return below
        below = below.__context__
    return SourceUnavailable(f"the server does not answer as Mastodon: {shown(str(error))}")


def _post(found: Any) -> Post:
    attached = found.get("media_attachments") or ()
    photos = tuple(
        Media(one["url"], text(one.get("id")), text(one.get("description")))
        for one in attached
        if one.get("type") == "image" and one.get("url")
    )
    said = f"{found.get('spoiler_text') or ''} {plain(found.get('content') or '')}".strip()
    when = found.get("created_at")
    address = found.get("url") or found.get("uri") or ""
    return Post(str(found["id"]), address, said, photos, when if _is_moment(when) else None)


def _is_moment(when: object) -> bool:
    return isinstance(when, datetime) and when.tzinfo is not None
