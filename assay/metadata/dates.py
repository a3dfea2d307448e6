"""Whether the dates that a file states agree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from assay.metadata import Fact

_DATE = re.compile(
    r"\s*(\d{4})[:-](\d\d)[:-](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?)?[.\d]*\s*(Z|[+-]\d\d)?",
    re.ASCII,
)
"""EXIF's "2004:02:29 10:00:00" and XMP's ISO 8601, which may lack the time or state a zone."""
_SAME_CLOCK = timedelta(minutes=1)
_OTHER_CLOCK = timedelta(days=1)
"""Where one date lacks its time or states a zone: EXIF's are local times of an unknown zone."""


@dataclass(frozen=True, slots=True)
class _Moment:
    time: datetime
    exact: bool


def facts(stated: Sequence[Fact]) -> tuple[Fact, ...]:
    """One fact about dates (field name, text): that they disagree, or the first; none if none is.

    Dates of the same clock disagree from a minute, others from a day.
    """
    known = [(name, text, moment) for name, text in stated if (moment := _moment(text))]
    if not known:
        return ()
    if any(_disagree(a[2], b[2]) for a, b in combinations(known, 2)):
        return (("dates disagree", "; ".join(f"{name} {text}" for name, text, _ in known)),)
    name, text, _ = known[0]
    return (("dated", f"{text} ({name})"),)


def _moment(text: str) -> _Moment | None:
    """The moment in any clock; None for text that is no date, such as a camera's row of zeros."""
    if not (match := _DATE.match(text)):
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    clock = f"{hour or '00'}:{minute or '00'}:{second or '00'}"
    try:
        time = datetime.fromisoformat(f"{year}-{month}-{day}T{clock}")
    except ValueError:
        return None
    return _Moment(time, exact=hour is not None and zone is None)


def _disagree(first: _Moment, second: _Moment) -> bool:
    slack = _SAME_CLOCK if first.exact and second.exact else _OTHER_CLOCK
    return abs(first.time - second.time) > slack
