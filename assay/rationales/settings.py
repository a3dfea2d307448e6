"""Who writes the reasons that a model learns, and how much may be spent on it."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from assay.errors import UnknownPlugin
from assay.settings import Settings
from assay.teachers import DEFAULT
from assay.teachers.asked import AskedTeacher, asked_teacher, asked_teachers


class Price(Settings):
    """Of a million tokens, in any currency; 0 where nobody sends a bill."""

    input: float = Field(0.0, ge=0)
    output: float = Field(0.0, ge=0)

    def of(self, tokens_in: int, tokens_out: int) -> float:
        """What so many tokens cost."""
        return (self.input * tokens_in + self.output * tokens_out) / 1e6


class Budget(Settings):
    """When to stop asking; None never stops."""

    tokens: int | None = Field(None, ge=0)
    money: float | None = Field(None, ge=0)

    def is_spent(self, tokens: int, money: float) -> bool:
        """Whether either limit is reached."""
        over = self.tokens is not None and tokens >= self.tokens
        return over or (self.money is not None and money >= self.money)


class TeacherSettings(Settings):
    """The teacher, by name, and how it is asked."""

    name: str = DEFAULT
    options: dict[str, Any] = Field(default_factory=dict)
    """The teacher's own options."""
    retries: int = Field(2, ge=0, le=10)
    """Further tries where an answer is rejected; it is told what was wrong."""
    hints: bool = False
    """First ask, without the label, what may be wrong; doubles the questions."""
    image_side: int = Field(768, ge=28, le=4096)
    """Longest side in pixels of the image that it is shown."""
    alike_share: float = Field(0.05, gt=0, le=1)
    """Of all images: a sentence that stands in more of them is a template."""
    judged: int = Field(50, ge=0)
    """Test images that it is asked about, to compare a model's reasons with its own."""
    most_unanswered: int = Field(20, ge=1)
    """In a row; after so many the run ends, and goes on from there when it is started again."""
    price: Price = Price()
    budget: Budget = Budget()

    @property
    def is_asked(self) -> bool:
        """Whether a model is asked at all: the offline teacher composes what is needed."""
        return self.name != DEFAULT

    def open(self) -> AskedTeacher:
        """The teacher, ready to be asked.

        Raises pydantic's ValidationError for wrong options, and `ConfigError` where there is no
        such model.
        """
        return asked_teacher(self.name, self.options)

    @property
    def options_schema(self) -> type[Settings]:
        """Of the teacher's options; the offline one has none."""
        return asked_teachers()[self.name].settings if self.is_asked else Settings

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != DEFAULT and name not in (known := asked_teachers()):
            raise UnknownPlugin("teacher", name, [*known, DEFAULT])
        return name
