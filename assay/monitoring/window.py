"""Which captures the next window holds, and everything about them that is no test."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from assay import judgements, model_registry
from assay.monitoring import drift
from assay.monitoring.drift import compared
from assay.monitoring.frame import one_each
from assay.monitoring.kept import Found
from assay.monitoring.numbers import Quality, Reference, ReferenceKind, WindowNumbers
from assay.monitoring.performance_numbers import Figure
from assay.monitoring.settings import DriftSettings, WindowSettings
from assay.store.figures import wilson
from assay.store.traffic import Span

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store

_INSTANT = timedelta(microseconds=1)
"""What two moments differ by at least."""
_COME_AGAIN = "overloaded"
"""The code of those who were asked to: no word on their images, and counted at each attempt."""
_MORE = 0.1
"""Share of the captures that has to lack a value beside those that did in the reference."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Images that got no answer, beside those that got one on the same days."""

    by_code: Mapping[str, int]
    served: int

    @property
    def share(self) -> float | None:
        """Of all requests; None where there were none."""
        count = sum(self.by_code.values())
        return count / (count + self.served) if count + self.served else None


def choose(
    store: Store, model_version: str, reference: Reference, settings: WindowSettings
) -> Span:
    """The captures of the next window of a model.

    Without ``settings.since`` it begins where the last one that was large enough ended, so that
    little traffic adds up and nothing is judged twice; it holds nothing of its own reference. It
    ends now at the latest, as the next one goes on from there and would wait until then. What waits
    in the spool is stored first. Raises `StorageError` where that fails.
    """
    store.drainer.drain()
    now = store.database.now()
    until = min(settings.until or now, now)
    since = settings.since or _follows(store, model_version, until, settings)
    if reference.kind is ReferenceKind.FIRST_CAPTURES and reference.until is not None:
        since = max(since, reference.until + _INSTANT)
    whole = Span(since, max(since, until), model_version)
    return replace(whole, since=store.traffic.first_of_newest(whole, settings.limit) or since)


def refused(store: Store, span: Span) -> Refused:
    """What was refused on the days that ``span`` touches, whichever model answered."""
    since, until = (moment.astimezone(UTC) for moment in _ends(span))
    found: Counter[str] = Counter()
    for refusal, count in store.refusals.between(since, until):
        if refusal.code != _COME_AGAIN:
            found[refusal.code] += count
    first, last = (datetime.combine(day, time.min, UTC) for day in (since, until - _INSTANT))
    served = store.traffic.count(Span(first, last + timedelta(days=1)))
    return Refused(dict(found), served)


def promised_auc(model: Path) -> Figure | None:
    """What the model folder had on the newest labels when it was judged, if it was on such."""
    version = model_registry.find(model)
    found = None if version is None else judgements.newest_auc(version)
    return None if found is None else Figure(**asdict(found), groups=found.n)


def measure(
    frame: pd.DataFrame,
    span: Span,
    reference: Found,
    refused: Refused,
    settings: DriftSettings,
    promised_auc: Figure | None = None,
) -> WindowNumbers:
    """The numbers of the window ``frame`` that holds the captures of ``span``.

    What people made of it is not among them (`assay.monitoring.performance`).
    """
    (about, table), (since, until) = reference, _ends(span)
    pictures = one_each(frame)
    is_enough = len(pictures) >= settings.least_pictures and about.kind is not ReferenceKind.NONE
    return WindowNumbers(
        model_version=span.model_version,
        since=since,
        until=until,
        captures=len(frame),
        groups=len(pictures),
        is_enough=is_enough,
        reference=about,
        drift=drift.measure(table, frame, settings) if is_enough else (),
        quality=_quality(frame, table, refused),
        verdict_mix=_mix(frame["label"]),
        review_share=float(frame["needs_review"].mean()) if len(frame) else None,
        flip_rate=_flip_rate(frame),
        labelled=int(frame["human_label"].notna().sum()),
        promised_auc=promised_auc,
    )


def _ends(span: Span) -> tuple[datetime, datetime]:
    """Both ends of a span that `choose` made."""
    if span.since is None or span.until is None:
        raise ValueError(f"{span} has no ends; choose a window")
    return span.since, span.until


def _follows(
    store: Store, model_version: str, until: datetime, settings: WindowSettings
) -> datetime:
    oldest = until - timedelta(days=settings.days)
    judged = store.windows.newest(model_version, only_enough=True)
    return max([oldest, *(window.numbers.until for window in judged)])


def _quality(frame: pd.DataFrame, reference: pd.DataFrame, refused: Refused) -> Quality:
    sizes = frame["group"].value_counts()
    largest = int(sizes.max()) if len(sizes) else 0
    lacking = _lacking(frame, reference)
    return Quality(
        refusals=refused.by_code,
        refused_share=refused.share,
        clients=_mix(frame["client"]),
        duplicates_share=1 - len(sizes) / len(frame) if len(frame) else 0.0,
        largest_group=largest,
        largest_group_share=largest / len(frame) if len(frame) else 0.0,
        missing={name: now for name, (before, now) in lacking.items() if now > before + _MORE},
        lost=max((now - before for before, now in lacking.values()), default=0.0),
    )


def _lacking(frame: pd.DataFrame, reference: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Shares of rows without a value, before and now, by column; empty without rows on a side."""
    if frame.empty or reference.empty:
        return {}
    return {
        name: (
            float(reference[name].isna().mean()),
            float(frame[name].isna().mean()) if name in frame else 1.0,
        )
        for name in compared(reference)
    }


def _mix(values: pd.Series[str]) -> dict[str, float]:
    """Shares by name, the largest first."""
    return {str(name): float(share) for name, share in values.value_counts(normalize=True).items()}


def _flip_rate(frame: pd.DataFrame) -> Figure | None:
    checked = one_each(frame[frame["flipped"].notna()])
    if checked.empty:
        return None
    flips, n = int(checked["flipped"].sum()), len(checked)
    low, high = wilson(flips, n)
    return Figure(value=flips / n, low=low, high=high, n=n, groups=n)
