"""Walks from the newest post to the ones that are known, as most platforms page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from assay.collectors import Cursor, Post, PostPage
from assay.errors import SourceUnavailable


@dataclass(frozen=True, slots=True)
class Slice:
    """A page as a platform gives it, newest first."""

    posts: tuple[Post, ...]
    next: str
    """Where the page after it is; empty for the last one."""
    newest: str
    """Of its posts, in the form of `Cursor.since`; empty without any."""
    reaches_known: bool = False
    """Whether it holds posts that are not newer than `Cursor.since`."""


Fetch = Callable[[Cursor], Slice | None]
"""A page of a walk; None where the platform does not take the cursor any more."""


def newest_first(cursor: Cursor, fetch: Fetch, horizon: datetime) -> Iterator[PostPage]:
    """Walk on from ``cursor``; `Cursor.since` moves once the walk has ended, never before.

    A first walk, which knows nothing, ends where posts are older than ``horizon``. A cursor that
    is not taken any more is given up, its page first: what was handled already comes again then.
    """
    while True:
        found = fetch(cursor)
        if found is None:
            cursor = _given_up(cursor)
            continue
        posts, is_old = _since(found.posts, None if cursor.since else horizon)
        newest = cursor.newest or found.newest
        if not found.next or found.reaches_known or is_old:
            yield PostPage(posts, Cursor(since=newest or cursor.since))
            return
        cursor = Cursor(since=cursor.since, newest=newest, page=found.next)
        yield PostPage(posts, cursor)


def horizon(now: float, days: float) -> datetime:
    """The moment ``days`` before ``now`` (seconds since 1970)."""
    return datetime.fromtimestamp(now, UTC) - timedelta(days=days)


def _since(posts: Sequence[Post], horizon: datetime | None) -> tuple[tuple[Post, ...], bool]:
    """The posts after ``horizon``, and whether there were others."""
    if horizon is None:
        return tuple(posts), False
    kept = tuple(p for p in posts if p.published_at is None or p.published_at >= horizon)
    return kept, len(kept) < len(posts)


def _given_up(cursor: Cursor) -> Cursor:
    if cursor.page:
        return cursor.restarted()
    if cursor.since:
        return Cursor()
    raise SourceUnavailable("the platform refuses a walk without any cursor; correct the options")
