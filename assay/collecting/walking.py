"""One collector's part of a run: page by page, each wholly handled before the cursor moves."""

from __future__ import annotations

import hashlib
from collections import Counter as Tally
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

from assay.addresses import shown
from assay.collecting.fetched import Fetched
from assay.collecting.handing_in import Counter, NotTaken, Taken
from assay.collecting.ledger import Item, Ledger, State, item_key
from assay.collecting.records import Ending, Gathered
from assay.collecting.settings import CollectSettings
from assay.collectors import Collector, Cursor, Media, Post, PostPage
from assay.collectors.api import Api
from assay.collectors.texts import text
from assay.errors import (
    AssayError,
    ConfigError,
    ForbiddenAddress,
    RateLimited,
    SourceUnavailable,
)
from assay.progress import Progress

_LONGEST_NAME = 200
_LONGEST_URL = 2000
_LONGEST_CAPTION = 5000
"""Characters that the service takes."""
_FORMLESS = ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError
"""What comes of taking apart what is not there."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a walk does not go on."""

    ending: Ending
    reason: str = ""
    until: datetime | None = None


class Walk:
    """A collector, from its cursor to what there is now."""

    def __init__(
        self,
        name: str,
        collector: Collector,
        api: Api,
        settings: CollectSettings,
        ledger: Ledger,
        fetched: Fetched,
        counter: Counter,
    ) -> None:
        self._name, self._collector, self._api = name, collector, api
        self._settings, self._ledger = settings, ledger
        self._fetched, self._counter = fetched, counter
        self._options = _fingerprint(collector)
        self._totals: Tally[str] = Tally()
        self._refused: Tally[str] = Tally()
        self._labels: Tally[str] = Tally()
        self._example: dict[str, str] = {}
        self._problem = ""

    def take(self, progress: Progress) -> Gathered:
        """Hand in what is new, and say what came of it; failures of the outside are in it."""
        before = self._ledger.cursor(self._name, self._options)
        stop = self._protected(progress)
        return Gathered(
            name=self._name,
            collector=self._collector.name,
            ending=stop.ending,
            reason=stop.reason,
            until=stop.until,
            refused=dict(self._refused.most_common()),
            example=self._example,
            labels=dict(self._labels.most_common()),
            waits=len(self._api.waits),
            waited=round(sum(wait.seconds for wait in self._api.waits), 1),
            before=before,
            after=self._ledger.cursor(self._name, self._options),
            **self._totals,
        )

    def _protected(self, progress: Progress) -> Stop:
        try:
            return self._walked(progress)
        except RateLimited as error:
            return _limited(error)
        except (ConfigError, ForbiddenAddress) as error:
            return Stop(Ending.REFUSED, str(error))
        except SourceUnavailable as error:
            return Stop(Ending.UNAVAILABLE, str(error))

    def _walked(self, progress: Progress) -> Stop:
        if stop := self._handled(self._ledger.left(self._name, later=True)):
            return stop
        cursor = self._ledger.cursor(self._name, self._options)
        seen = {cursor.page}
        for page in self._pages(cursor):
            if stop := self._page(page):
                return stop
            progress(self._totals["handed_in"], 0, f"{self._name} (posts: {self._totals['posts']})")
            following = page.after.page
            if following and following in seen:
                self._ledger.move(self._name, self._options, page.after.restarted())
                return Stop(Ending.REPEATED, f"the platform gave the cursor {following!r} again")
            seen.add(following)
            self._ledger.move(self._name, self._options, page.after)
            # Pages count too: one that is empty may lead to the next for ever.
            handled = max(self._totals["posts"], self._totals["pages"])
            if following and handled >= self._settings.most_posts:
                return Stop(Ending.ENOUGH)
        return Stop(Ending.PARTIAL if self._problem else Ending.COMPLETE, self._problem)

    def _pages(self, cursor: Cursor) -> Iterator[PostPage]:
        """What the collector finds; raises `SourceUnavailable` too where answers have no form."""
        try:
            yield from self._collector.pages(cursor, self._api)
        except AssayError:
            raise
        except _FORMLESS as error:
            raise SourceUnavailable(
                f"the platform answers in another form than {self._collector.name!r} knows "
                f"({type(error).__name__}: {shown(str(error))}); correct the options"
            ) from error

    def _page(self, page: PostPage) -> Stop | None:
        """Handle every image of ``page``; afterwards all of them are handed in or refused."""
        items = [self._item(post, media) for post in page.posts for media in post.media]
        new = self._ledger.want(self._name, items)
        self._totals.update(
            pages=1, posts=len(page.posts), images=len(items), known=len(items) - len(new)
        )
        self._problem = self._problem or page.problem
        for item in new:
            if item.state is State.REFUSED:
                self._count_refusal(item)
        return self._handled(self._ledger.left(self._name))

    def _item(self, post: Post, media: Media) -> Item:
        origin, post_id, url = self._collector.origin, text(post.id), text(media.url)
        named = f"{self._collector.name}:{post_id}"
        made = Item(
            item_key(origin, post_id, text(media.name) or url),
            named if len(named) <= _LONGEST_NAME else item_key(origin, post_id, ""),
            url,
            seen=self._api.clock.now(),
        )
        if media.refused:
            return replace(made, state=State.REFUSED, reason=media.refused)
        said = "\n".join(part for part in (text(post.caption), text(media.alt)) if part)
        address = text(post.url)
        address = address if len(address) <= _LONGEST_URL else ""
        return replace(made, post_url=address, caption=said[:_LONGEST_CAPTION])

    def _handled(self, items: Sequence[Item]) -> Stop | None:
        """Fetch ``items`` and hand them in; what stops the walk comes back."""
        fetch = partial(self._collector.image, api=self._api)
        ready = []
        for item in self._fetched.fetch(items, fetch):
            self._ledger.change(item)
            if item.state is State.WANTED:
                ready.append(item)
            else:
                self._count_refusal(item)
        stops: list[Stop] = []
        with ThreadPoolExecutor(self._settings.clients) as pool:
            sent = {pool.submit(self._sent, item): item for item in ready}
            # Each answer is on disk before the next is waited for: a kill forgets only those that
            # are on their way.
            for answered in as_completed(sent):
                outcome = answered.result()
                self._note(sent[answered], outcome)
                stops += [outcome] if isinstance(outcome, Stop) else []
        return stops[0] if stops else None

    def _sent(self, item: Item) -> Taken | NotTaken | Stop:
        try:
            return self._counter.hand_in(item, self._fetched.read(item))
        except RateLimited as error:
            return _limited(error)
        except SourceUnavailable as error:
            return Stop(Ending.BUSY, str(error))
        except ConfigError as error:
            return Stop(Ending.REFUSED, str(error))

    def _note(self, item: Item, outcome: Taken | NotTaken | Stop) -> None:
        if isinstance(outcome, NotTaken):
            self._refuse(item, outcome.reason)
        elif isinstance(outcome, Taken):
            found = outcome.found
            capture = str(found.get("id", ""))
            self._ledger.change(replace(item, state=State.HANDED_IN, capture=capture))
            self._totals.update(handed_in=1, to_review=int(bool(found.get("needs_review"))))
            self._labels.update([str(found["label"])] if "label" in found else [])

    def _refuse(self, item: Item, reason: str) -> None:
        refused = replace(item, state=State.REFUSED, reason=reason)
        self._ledger.change(refused)
        self._count_refusal(refused)

    def _count_refusal(self, item: Item) -> None:
        kind = item.reason.partition(": ")[0]
        self._refused[kind] += 1
        self._example.setdefault(kind, item.reason.partition(": ")[2] or item.external_id)
        self._totals.update(later=int(item.state is State.LATER))


def _limited(error: RateLimited) -> Stop:
    try:
        until = datetime.fromtimestamp(error.until, UTC)
    except (OSError, OverflowError, ValueError):  # a platform may say what it likes
        until = None
    return Stop(Ending.LIMITED, str(error), until)


def _fingerprint(collector: Collector) -> str:
    """Of what a cursor belongs to: another question has another one."""
    said = f"{collector.name}\n{collector.model_dump_json()}"
    return hashlib.sha256(said.encode()).hexdigest()
