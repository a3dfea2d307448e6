"""The page of a backtest: as served beside as tried, with intervals, and what turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assay import images
from assay.backtest.estimates import MISSED, NOTICES, REVIEWS, WRONG
from assay.backtest.records import Backtest, Compared, Example, Turn
from assay.backtest.running import hours
from assay.errors import DataError, StorageError
from assay.metrics import Metric
from assay.reports import pictures
from assay.reports.gallery import Card
from assay.reports.page import Page, percent, render

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ImageOf = Callable[[str], bytes | None]
"""The bytes of a capture's image, None where it was not kept."""

HOURS = "review hours"
TITLES = {
    NOTICES: "notices to users",
    REVIEWS: "cases for people",
    HOURS: "review hours",
    WRONG: "wrong notices",
    MISSED: "altered, without a notice",
}
_GOOD_WHEN_FEWER = (WRONG, MISSED)
_FEW = 30
"""Decided images below which the estimates of errors are called rough."""
_BINS = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the table: old beside new."""

    title: str
    old: str
    new: str
    change: str
    emphasis: str
    """``good`` or ``bad`` where the interval of an error's change excludes zero."""


@dataclass(frozen=True, slots=True)
class Section:
    """One direction in which answers turn."""

    title: str
    sentence: str
    cards: tuple[Card, ...]
    without_picture: int


def page(found: Backtest, rows: pd.DataFrame, image_of: ImageOf) -> Page:
    """The whole report; ``rows`` are those of `assay.backtest.deciding.decided`."""
    return render(
        "backtest.html",
        "Backtest",
        found=found,
        sentence=sentence(found),
        tiles=[(f"{line.old.split()[0]} → {line.new.split()[0]}", f"{line.title} a day")
               for line in lines(found)],
        lines=lines(found),
        bars=pictures.svg(bars(found)),
        histogram=pictures.svg(histogram(rows, found)),
        doubts=doubts(found),
        policy=policy_facts(found),
        turns=[_turn(turn) for turn in found.turns],
        sections=[_section(turn, image_of) for turn in found.turns if turn.examples],
        slices=[
            (part.by, part.name, f"{part.captures:,}", *_both(part.notices), *_both(part.reviews))
            for part in found.slices
        ],
    )  # fmt: skip


def sentence(found: Backtest) -> str:
    """What was compared, in one sentence."""
    policy = f"policy {found.policy_name}" if found.policy_name else "what it was calibrated to"
    old = ", ".join(sorted(found.old_models))
    return (
        f"{found.captures:,} captures of {found.days:.1f} days, answered by model {old}, decided "
        f"again by model {found.model_version} under {policy}."
    )


def lines(found: Backtest) -> list[Line]:
    """The numbers a day, each with its interval."""
    named = {name: found.estimate(name) for name in (NOTICES, REVIEWS)}
    old, new, change = hours(found)
    named[HOURS] = Compared(name=HOURS, old=old, new=new, change=change)
    named |= {name: found.estimate(name) for name in (WRONG, MISSED)}
    return [_line(each) for each in named.values()]


def doubts(found: Backtest) -> list[str]:
    """What a reader should know before relying on the numbers."""
    return list(_doubts(found))


def policy_facts(found: Backtest) -> list[tuple[str, str]]:
    """What was tried, in words."""
    policy, limits = found.policy, found.policy.notices
    audits = "as it was" if policy.audit_share is None else percent(policy.audit_share)
    return [
        ("model", found.model_version),
        ("policy", found.policy_name or "none: as the model was calibrated"),
        ("not authentic from", f"{found.threshold:.3f}"),
        *((f"not authentic from, {name}", f"{value:.3f}") for name, value in policy.strata.items()),
        ("for people", f"{found.band[0]:.3f} to {found.band[1]:.3f}"),
        ("of these, people are asked about", percent(policy.review_share)),
        ("audits", audits),
        ("caution where decided, from", _limit(limits.decided)),
        ("caution where in review, from", _limit(limits.in_review)),
    ]


def bars(found: Backtest) -> Figure:
    """Each number a day as two bars with their intervals, on a scale of its own."""
    old_hours, new_hours, _ = hours(found)
    pairs = {TITLES[n]: (found.estimate(n).old, found.estimate(n).new) for n in (NOTICES, WRONG)}
    pairs[TITLES[HOURS]] = old_hours, new_hours
    pairs[TITLES[MISSED]] = found.estimate(MISSED).old, found.estimate(MISSED).new
    drawn = pictures.figure(9.2, 2.4)
    for axes, (title, both) in zip(drawn.subplots(1, len(pairs)), pairs.items(), strict=True):
        _pair(axes, title, both)
    return drawn


def histogram(rows: pd.DataFrame, found: Backtest) -> Figure:
    """How many captures have which score, old and new; what people are asked about is shaded."""
    drawn = pictures.figure(6.4, 2.6)
    axes = drawn.subplots()
    axes.axvspan(*found.band, color="#f2d98b", alpha=0.5, label="for people")
    axes.axvline(found.threshold, color=pictures.INK, linewidth=1, linestyle=":", label="threshold")
    for side, colour, name in (
        ("old", pictures.FAINT, "as served"),
        ("new", "#2a6fb0", "as tried"),
    ):
        scores = rows[f"{side}_score"]
        axes.hist(
            scores,
            bins=_BINS,
            range=(0, 1),
            histtype="step",
            color=colour,
            label=name,
            linewidth=1.4,
        )
    axes.set_yscale("symlog", linthresh=1)
    axes.yaxis.set_major_formatter("{x:,.0f}")  # text in figures is never read as a formula
    axes.set_xlabel("score")
    axes.set_ylabel("captures")
    axes.set_xlim(0, 1)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.legend(loc="outside right upper", frameon=False, fontsize=9)
    return drawn


def number(metric: Metric | None, sign: str = "") -> str:
    """A count with its interval, in as many digits as it bears; a dash where nobody knows."""
    if metric is None:
        return "-"
    size = abs(metric.value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 3 if 0 < size < 0.1 else 2
    value, low, high = (f"{x:{sign},.{digits}f}" for x in (metric.value, metric.low, metric.high))
    return f"{value} ({low} to {high})"


def _line(one: Compared) -> Line:
    emphasis = ""
    if one.name in _GOOD_WHEN_FEWER and one.change is not None:
        emphasis = "good" if one.change.high < 0 else "bad" if one.change.low > 0 else ""
    shown = number(one.old), number(one.new), number(one.change, "+")
    return Line(TITLES[one.name], *shown, emphasis)


def _doubts(found: Backtest) -> Iterator[str]:
    known = found.coverage
    if known.decided == 0:
        yield "People have decided nothing of what was drawn by design: errors are unknown."
    elif known.decided < _FEW:
        yield f"Only {known.decided} images drawn by design are decided: errors are rough."
    if known.drawn > known.decided > 0:
        yield (
            f"Of {known.drawn:,} images that were drawn {known.decided:,} are decided; they stand "
            "for those that wait, though the most urgent ones are taken first."
        )
    if known.beyond:
        yield (
            f"{known.beyond:,} images could be seen by nobody, as nothing was audited: errors "
            "among them are unknown and count nothing here."
        )
    if found.seconds_per_case is None:
        yield (
            "No case was timed, so hours are unknown; pass --set backtest.seconds_per_case=SECONDS."
        )
    for reason, count in found.left_out.items():
        yield f"{count:,} captures are left out: {reason}. The numbers are those of the others."
    if found.days == 1.0:
        yield "The span is shorter than a day, or just as long: numbers a day are its totals."


def _turn(turn: Turn) -> tuple[str, ...]:
    counts = (turn.captures, turn.images, turn.labelled, turn.mended, turn.broken)
    return turn.kind, f"{turn.before} → {turn.after}", *(f"{count:,}" for count in counts)


def _section(turn: Turn, image_of: ImageOf) -> Section:
    cards = [card for one in turn.examples if (card := _card(one, image_of)) is not None]
    noun = "capture" if turn.captures == 1 else "captures"
    known = f"; people decided {turn.labelled:,} of its images" if turn.labelled else ""
    return Section(
        f"{turn.kind}: {turn.before} → {turn.after}",
        f"{turn.captures:,} {noun} of {turn.images:,} images{known}.",
        tuple(cards),
        len(turn.examples) - len(cards),
    )


def _card(one: Example, image_of: ImageOf) -> Card | None:
    """None where there is no picture any more."""
    try:
        data = image_of(one.capture_id)
        if data is None:
            return None
        thumbnail = pictures.thumbnail(images.decode(data).pixels)
    except (StorageError, DataError):
        return None
    return Card(thumbnail, one.label, tuple(_told(one)))


def _told(one: Example) -> Iterator[str]:
    yield f"score {one.scores[0]:.3f} → {one.scores[1]:.3f}"
    yield " → ".join(one.labels)
    yield f"notice: {' → '.join(one.notices)}"
    yield f"people: {one.human or 'not asked, or not yet'}"
    yield one.capture_id


def _both(one: Compared) -> tuple[str, str]:
    return number(one.old), number(one.new)


def _limit(value: float | None) -> str:
    return "never" if value is None else f"{value:.3f}"


def _pair(axes: Axes, title: str, both: tuple[Metric | None, Metric | None]) -> None:
    for place, (metric, colour) in enumerate(zip(both, (pictures.FAINT, "#2a6fb0"), strict=True)):
        if metric is None:
            axes.text(place, 0, "?", ha="center", va="bottom", fontsize=14, color=colour)
            continue
        reach = [[metric.value - metric.low], [metric.high - metric.value]]
        axes.bar(place, metric.value, color=colour, width=0.6)
        axes.errorbar(place, metric.value, reach, color=pictures.INK, capsize=3, linewidth=1)
    axes.set_xticks((0, 1), ("served", "tried"))
    axes.set_xlim(-0.6, 1.6)
    axes.set_title(f"{title}\na day", fontsize=9)
    axes.tick_params(labelsize=9)
    axes.spines[["top", "right"]].set_visible(False)
