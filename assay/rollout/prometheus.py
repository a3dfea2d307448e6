"""What Prometheus has counted of both sides of a rollout since the share was last changed.

Counters are read twice and subtracted, series by series, as ``increase()`` does, but without its
two estimates: that takes a series from its first sample on, so the first errors of a challenger,
which begin one, would not count; and it extrapolates to the edges of its window, while an interval
for a share of errors needs whole numbers. Latencies are drawn from the difference of the buckets
with the interpolation of ``histogram_quantile()``.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from assay.errors import RolloutFailed
from assay.rollout.target import Side

ROUTE = "/v1/detect"
"""Whose requests count: single detections, which somebody waits for."""

_POINTS = 1000
"""Latencies that are drawn from a histogram, at most."""

Series = Mapping[str, str]
Counts = Mapping[frozenset[tuple[str, str]], float]
"""Values of counters by their labels."""


@dataclass(frozen=True, slots=True)
class Sides:
    """The label matchers of both sides, such as ``{"track": "canary"}``."""

    current: Series
    challenger: Series


def requests(side: Series) -> str:
    """PromQL: the requests of a side, each status and process by itself."""
    return f"assay_requests_total{_matchers(side)}"


def buckets(side: Series) -> str:
    """PromQL: the cumulative latency buckets of a side, each process by itself."""
    return f"assay_request_seconds_bucket{_matchers(side)}"


class Prometheus:
    """A Prometheus server, asked over its HTTP API (``/api/v1/query``)."""

    def __init__(self, url: str, timeout: float = 10.0) -> None:
        self._url, self._timeout = url.rstrip("/"), timeout

    def ask(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """The values of an instant vector by labels.

        Raises `RolloutFailed` where nobody answers, or with something else.
        """
        query = urllib.parse.urlencode({"query": expression})
        address = f"{self._url}/api/v1/query?{query}"
        if not address.startswith(("http://", "https://")):
            raise RolloutFailed(f"{self._url} is no address of a Prometheus; give http://HOST:PORT")
        try:
            with urllib.request.urlopen(address, timeout=self._timeout) as answer:  # noqa: S310 - checked above
                found = json.load(answer)["data"]["result"]
                return {frozenset(row["metric"].items()): float(row["value"][1]) for row in found}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RolloutFailed(
                f"Prometheus at {self._url} gives no numbers ({error}); start it, or name another "
                "with prometheus_url"
            ) from error


@dataclass(frozen=True, slots=True)
class Reading:
    """The counters of one side at one moment."""

    requests: Counts
    buckets: Counts

    @classmethod
    def of(cls, prometheus: Prometheus, side: Series) -> Reading:
        """As they are now; raises `RolloutFailed` as `Prometheus.ask`."""
        return cls(prometheus.ask(requests(side)), prometheus.ask(buckets(side)))

    def since(self, before: Reading) -> Side:
        """What was counted between the two."""
        counted = _increase(self.requests, before.requests)
        errors = sum(n for labels, n in counted.items() if _is_error(dict(labels)))
        drawn = tuple(_latencies(_increase(self.buckets, before.buckets)))
        return Side(round(sum(counted.values())), round(errors), drawn)


def _matchers(side: Series) -> str:
    pairs = {**side, "route": ROUTE}
    return "{" + ", ".join(f"{name}={json.dumps(value)}" for name, value in pairs.items()) + "}"


def _is_error(labels: Mapping[str, str]) -> bool:
    return labels.get("status", "").startswith("5")


def _increase(now: Counts, before: Counts) -> dict[frozenset[tuple[str, str]], float]:
    """By series; one that is lower than before was started anew, and counts from zero."""
    known = {labels: before.get(labels, 0.0) for labels in now}
    return {
        labels: value - known[labels] if value >= known[labels] else value
        for labels, value in now.items()
    }


def _latencies(counted: Mapping[frozenset[tuple[str, str]], float]) -> Iterable[float]:
    """Milliseconds at evenly spaced ranks, straight lines inside each bucket, ascending."""
    cumulative: dict[float, float] = {}
    for labels, count in counted.items():
        bound = float(dict(labels)["le"])
        cumulative[bound] = cumulative.get(bound, 0.0) + count
    bounds = sorted(cumulative)
    total = cumulative[bounds[-1]] if bounds else 0.0
    points = min(_POINTS, round(total))
    for point in range(points):
        yield 1000 * _quantile((point + 0.5) / points * total, bounds, cumulative)


def _quantile(rank: float, bounds: list[float], cumulative: Mapping[float, float]) -> float:
    """Seconds below which ``rank`` of the requests were answered."""
    low, below = 0.0, 0.0
    for bound in bounds:
        if cumulative[bound] >= rank:
            if bound == float("inf"):  # longer than the last bound: how much longer is not known
                return low
            return low + (bound - low) * (rank - below) / (cumulative[bound] - below)
        low, below = bound, cumulative[bound]
    return low
