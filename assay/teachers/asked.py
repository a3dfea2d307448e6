"""Teachers that are models of their own: they are shown an image and asked in words.

What they are asked, and whether their answer is good enough to learn from, is `assay.rationales`'
business; here an image and a text become an answer and what it cost. A new one is one new file with
one `AskedTeacher`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from assay import plugins
from assay.settings import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """One question about one image."""

    instructions: str
    """What is asked of all images alike."""
    text: str
    """What is told of this one."""
    image: bytes
    """JPEG."""
    schema: dict[str, Any] = field(default_factory=dict)
    """JSON schema of the answer; for teachers that can be held to one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a teacher wrote, whatever it is, and the tokens that it is paid for."""

    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer to this question; the next one may be answered."""

    reason: str


class AskedTeacher(ABC):
    """A model that answers questions about images; safe among ``at_once`` threads."""

    name: ClassVar[str]
    settings: ClassVar[type[Settings]]
    """The options that it is made with."""

    @abstractmethod
    def __init__(self, options: Any) -> None:
        """Make ready to ask; ``options`` are an instance of `settings`."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Everything that an answer depends on besides the question: a paid answer's key."""

    @property
    @abstractmethod
    def at_once(self) -> int:
        """How many questions it is asked at the same time."""

    @abstractmethod
    def ask(self, request: Request) -> Reply | Unanswered:
        """Answer; raises `ConfigError` or `SourceUnavailable` where no question will be answered.

        Errors that concern one question are values.
        """

    def close(self) -> None:  # noqa: B027 (most hold nothing)
        """Let go of connections."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def asked_teachers() -> dict[str, type[AskedTeacher]]:
    """All of them, by name."""
    return plugins.discover(__package__, AskedTeacher)


def asked_teacher(name: str, options: dict[str, Any]) -> AskedTeacher:
    """The one called ``name``; raises `UnknownPlugin`, or pydantic's ValidationError."""
    kind = plugins.find(__package__, AskedTeacher, name)
    return kind(kind.settings(**options))
