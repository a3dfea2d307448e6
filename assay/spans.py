"""A stretch of a platform's traffic, as it is written in a setting.

all                        everything that is kept
30d, 12h                   the last so many days or hours
2026-01-05                 that day, UTC
2026-01-05..2026-01-12     from the beginning of the first to the end of the last
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from assay.settings import as_written

ALL = "all"
_RELATIVE = re.compile(r"(\d{1,5})([dh])")


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on and before `until`; None leaves that end open."""

    since: datetime | None = None
    until: datetime | None = None

    @classmethod
    def parse(cls, text: str, now: datetime) -> Span:
        """The span that ``text`` writes as this module shows; raises ValueError for another."""
        if text == ALL:
            return cls(None, None)
        if match := _RELATIVE.fullmatch(text):
            count = int(match[1])
            length = timedelta(days=count) if match[2] == "d" else timedelta(hours=count)
            return cls(now - length, None)
        first, _, last = text.partition("..")
        since, until = _midnight(first), _midnight(last or first) + timedelta(days=1)
        if since >= until:
            raise ValueError("ends before it begins; exchange the two days")
        return cls(since, until)


def _midnight(text: str) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise ValueError("expected all, 30d, 12h, 2026-01-05 or 2026-01-05..2026-01-12") from error


def _checked(text: str) -> str:
    Span.parse(text, datetime.now(UTC))
    return text


SpanText = Annotated[str, BeforeValidator(as_written), AfterValidator(_checked)]
"""A span as a setting; it is parsed when the work begins, as ``30d`` moves on."""

OptionalSpanText = Annotated[
    str, BeforeValidator(as_written), AfterValidator(lambda text: text and _checked(text))
]
"""The same, or empty."""
