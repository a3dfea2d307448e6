"""Where unlabelled images come from: each file is one collector, a settings model with `pages`.

A new collector is one new file with one `Collector`; its fields are its options. A post is taken
without its author; who wrote it is no evidence about an image.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import Field

from assay.collectors.api import SYSTEM, Api, ApiSettings, Clock
from assay.errors import ConfigError
from assay.settings import Settings


class Cursor(Settings):
    """How far a collector has come; what a field means is its collector's business."""

    since: str = ""
    """All that is not newer has been handled."""
    newest: str = ""
    """What ``since`` will be once the walk that is under way has ended."""
    page: str = ""
    """Where the walk goes on; empty between walks."""
    marks: dict[str, str] = Field(default_factory=dict)
    """What else is remembered between walks, by address."""

    def restarted(self) -> Cursor:
        """The same without the walk that was under way."""
        return Cursor(since=self.since, marks=self.marks)


@dataclass(frozen=True, slots=True)
class Media:
    """An image of a post."""

    url: str
    name: str = ""
    """What the platform calls it, where its address may change."""
    alt: str = ""
    """What the post says of it, for those who cannot see it."""
    refused: str = ""
    """Why it is not to be fetched; empty where it may be."""


@dataclass(frozen=True, slots=True)
class Post:
    """What somebody published, without who it was."""

    id: str
    url: str
    caption: str
    media: tuple[Media, ...]
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PostPage:
    """Some posts, and the cursor that is right once all of them have been handled."""

    posts: tuple[Post, ...]
    after: Cursor
    problem: str = ""
    """Why it holds less than it should."""


class Collector(Settings):
    """A place that publishes images, read a page at a time."""

    name: ClassVar[str]
    variable: ClassVar[str] = ""
    """The environment variable of its token."""
    needs_token: ClassVar[bool] = False

    base_url: str = ""
    """Every request but those for images goes below this address."""
    backlog_days: float = Field(7, gt=0, le=36500)
    """How far back the first walk goes."""

    @abstractmethod
    def pages(self, cursor: Cursor, api: Api) -> Iterator[PostPage]:
        """Yield what is newer than ``cursor``, or what is left of the walk that it is in.

        Posts that were handled before may come again. Raises `RateLimited`, `SourceUnavailable`,
        and `ConfigError` where the token is refused.
        """

    @property
    def origin(self) -> str:
        """Whose names the posts and images carry, so that two walks over one place agree."""
        return f"{self.name}:{self.base_url.rstrip('/')}"

    def api(self, settings: ApiSettings, clock: Clock = SYSTEM) -> Api:
        """How its platform is asked; raises `ConfigError` where its token is missing."""
        return Api(self.base_url, settings, clock, token=self.token(), variable=self.variable)

    def token(self) -> str:
        """The token in `variable`; raises `ConfigError` where one is needed and there is none."""
        token = os.environ.get(self.variable, "") if self.variable else ""
        if self.needs_token and not token:
            raise ConfigError(f"the collector {self.name!r} needs a token: set {self.variable}")
        if not (token.isascii() and token.isprintable()):
            raise ConfigError(f"the token in {self.variable} holds odd characters; copy it anew")
        return token

    def image(self, media: Media, api: Api) -> bytes | None:
        """The bytes of ``media`` where only its platform gives them; None for any address."""
        return None
