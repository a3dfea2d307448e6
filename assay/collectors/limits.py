"""When a platform wants to be asked again, by the headers of its answer.

- Retry-After: seconds or a date (RFC 9110, 10.2.3).
- X and Mastodon: ``x-rate-limit-`` and ``X-RateLimit-`` with ``Remaining`` and ``Reset``; the
  reset is seconds since 1970 at X (docs.x.com/fundamentals/rate-limits), ISO 8601 at Mastodon
  (docs.joinmastodon.org/api/rate-limits).
- Instagram: ``X-App-Usage`` and ``X-Business-Use-Case-Usage``, JSON with what was used in per cent,
  the latter with minutes until access is regained
  (developers.facebook.com/docs/graph-api/overview/rate-limiting).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from assay.outbound import http_date, retry_after

Headers = Mapping[str, str]
"""By name in lower case."""

_PREFIXES = ("x-rate-limit", "x-ratelimit", "ratelimit")
_USAGES = ("x-app-usage", "x-business-use-case-usage")
_MOST_PERCENT = 100
_UNKNOWN = 3600.0
"""Seconds, where all is used up and nobody says for how long: both windows are rolling hours."""
_RELATIVE = 10**8
"""A reset below this counts seconds from now, not from 1970."""


def resumes_at(headers: Headers, now: float) -> float | None:
    """When the next request may be sent, in seconds since 1970; None where nothing is said.

    The server's clock is believed for times of its own: its ``Date`` is compared with ``now``.
    """
    times = [*_retry_after(headers, now), *_windows(headers, now), *_usages(headers, now)]
    return max(times, default=None)


def _retry_after(headers: Headers, now: float) -> Iterator[float]:
    wait = retry_after(headers.get("retry-after", ""), now + _ahead(headers, now))
    if wait is not None:
        yield now + wait


def _windows(headers: Headers, now: float) -> Iterator[float]:
    for prefix in _PREFIXES:
        if headers.get(f"{prefix}-remaining", "").strip() != "0":
            continue
        said = headers.get(f"{prefix}-reset", "").strip()
        if (reset := _moment(said)) is not None:
            yield now + reset if reset < _RELATIVE else reset - _ahead(headers, now)


def _usages(headers: Headers, now: float) -> Iterator[float]:
    for name in _USAGES:
        try:
            told = json.loads(headers.get(name, "{}"))
        except (ValueError, RecursionError):
            continue
        for usage in _flat(told):
            used = [usage.get(part, 0) for part in ("call_count", "total_time", "total_cputime")]
            if any(isinstance(one, int | float) and one >= _MOST_PERCENT for one in used):
                minutes = usage.get("estimated_time_to_regain_access", 0)
                known = isinstance(minutes, int | float) and 0 < minutes < _RELATIVE
                yield now + (60 * minutes if known else _UNKNOWN)


def _flat(told: Any) -> list[dict[str, Any]]:
    """The usage itself, or those of each business account and use case."""
    if not isinstance(told, dict):
        return []
    nested = [one for part in told.values() if isinstance(part, list) for one in part]
    return [one for one in (told, *nested) if isinstance(one, dict)]


def _moment(said: str) -> float | None:
    if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", said):
        return float(said)
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _ahead(headers: Headers, now: float) -> float:
    """Seconds by which the server's clock is ahead of ours; 0 where it does not tell the time."""
    moment = http_date(headers.get("date", ""))
    return 0.0 if moment is None else moment - now
