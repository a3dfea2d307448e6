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
_CHANGES = {"EXIF DateTime", "XMP xmp:ModifyDate"}
"""Fields that say when a file was last changed; any editor writes them."""
_SAME_CLOCK = timedelta(minutes=1)
_OTHER_CLOCK = timedelta(days=1)
"""Where one date lacks its time or states a zone: EXIF's are local times of an unknown zone."""


@dataclass(frozen=True, slots=True)
class _Moment:
    time: datetime
    exact: bool


def facts(stated: Sequence[Fact]) -> tuple[Fact, ...]:
    """One fact about dates (field name, text): that they disagree, or the first; none if none is.

    Dates of the same clock disagree from a minute, others from a day. A change may be later than
    what it changed, and not earlier.
    """
    known = [(name, text, moment) for name, text in stated if (moment := _moment(text))]
    if not known:
        return ()
    pairs = list(combinations(known, 2))
    if any(_disagree(a[2], b[2]) for a, b in pairs if _is_change(a[0]) == _is_change(b[0])) or any(
        _precedes(*pair) for a, b in pairs for pair in ((a, b), (b, a))
    ):
        return (("dates disagree", "; ".join(f"{name} {text}" for name, text, _ in known)),)
    name, text, _ = known[0]
    return (("dated", f"{text} ({name})"),)


def _is_change(name: str) -> bool:
    return name in _CHANGES


def _precedes(first: tuple[str, str, _Moment], second: tuple[str, str, _Moment]) -> bool:
    """Whether ``first`` is a change that lies before ``second``, which is none."""
    earlier = first[2].time < second[2].time and _disagree(first[2], second[2])
    return _is_change(first[0]) and not _is_change(second[0]) and earlier


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
