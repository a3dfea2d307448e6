"""The page of a comparison: the verdict, both models, differences by slice, and what flipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from assay.comparison import (
    METRICS,
    PRIMARY,
    ComparedSlice,
    Comparison,
    Outcome,
    outcome,
)
from assay.flips import Change, Flip, FlipCount
from assay.images import Variant
from assay.metrics import Difference, Metric
from assay.reports import figures, gallery, interval, pictures
from assay.reports.evaluation import NAMES, slice_name
from assay.reports.page import Page, render

if TYPE_CHECKING:
    import pandas as pd

    from assay.dataset import Dataset

SHOWN = Variant.BIAS_CONTROLLED
"""The form whose flips and scores are drawn: the one that decides."""

_TITLES = {
    Change.MENDED: "Mended: wrong before, right now",
    Change.BROKEN: "Broken: right before, wrong now",
    Change.RELABELLED: "Relabelled: altered to both, but of another kind",
}
_CLASSES = {Outcome.BETTER: "good", Outcome.WORSE: "bad", Outcome.UNDECIDED: ""}
_FORMS = {Variant.BIAS_CONTROLLED: "bias controlled", Variant.AS_IS: "as is"}
_FACTS = {
    "name": "model",
    "run": "run that made it",
    "dataset_version": "trained on dataset",
    "git_commit": "commit",
    "registered_at": "registered",
    "content": "content hash",
}
_COLUMNS = tuple(Flip.__dataclass_fields__)
_SLICES_DRAWN = 40
_LISTED = 2000
"""Flips that the page lists; the stored comparison has them all."""


@dataclass(frozen=True, slots=True)
class Line:
    """A row of a table of differences."""

    name: str
    metric: str
    form: str
    first: str
    second: str
    change: str
    emphasis: str
    """A class of the style sheet: ``good`` or ``bad`` where the interval excludes zero."""
    n: str
    groups: str


@dataclass(frozen=True, slots=True)
class Section:
    """The flips of one kind."""

    title: str
    found: int
    cards: tuple[gallery.Card, ...]


def page(rows: pd.DataFrame, comparison: Comparison, dataset: Dataset) -> Page:
    """The whole report; ``rows`` are those of `assay.comparison.paired`, from ``dataset``."""
    first, second = names(comparison)
    whole = comparison.overall
    return render(
        "comparison.html",
        _capitalised(f"{second} beside {first}"),
        comparison=comparison,
        sentence=sentence(comparison),
        emphasis=_CLASSES[comparison.outcome],
        names=(first, second),
        whole=whole,
        primary=comparison.primary,
        models=_models(comparison),
        forest=_forest(comparison),
        headline=[line for part in _wholes(comparison) for line in _lines(part, METRICS)],
        slices=[line for part in _slices(comparison, SHOWN) for line in _lines(part, [PRIMARY])],
        details=_details(comparison),
        scatter=_scatter(rows, comparison),
        counts=[_count(count) for count in comparison.flip_counts],
        sections=list(_sections(comparison, dataset)),
        flips=[_listed(flip) for flip in _shown(comparison)[:_LISTED]],
        flipped=len(_shown(comparison)),
    )


def sentence(comparison: Comparison) -> str:
    """The verdict in one sentence, with the difference behind it."""
    (first, second), whole = names(comparison), comparison.overall
    if comparison.outcome is Outcome.UNDECIDED:
        verdict = f"{comparison.outcome} between {first} and {second}"
    else:
        verdict = f"{second} is significantly {comparison.outcome} than {first}"
    found = f"AUC {interval(comparison.primary.change, '+')}"
    on = f"{whole.n:,} images of {whole.groups} photographs"
    return f"{_capitalised(verdict)}: {found}, on {on}."


def _capitalised(text: str) -> str:
    """Names keep their own capitals."""
    return text[:1].upper() + text[1:]


def names(comparison: Comparison) -> tuple[str, str]:
    """What a reader calls the two models."""
    if comparison.models is None:
        return "the first model", "the second model"
    first, second = comparison.models
    return first.name, second.name


def _scatter(rows: pd.DataFrame, comparison: Comparison) -> str:
    """A data URI."""
    shown = rows[rows["variant"] == SHOWN.value]
    return pictures.svg(figures.scatter(shown, names(comparison), comparison.thresholds))


def _wholes(comparison: Comparison) -> Iterator[ComparedSlice]:
    """All images, in the form that decides first."""
    for form in _FORMS:
        yield from (part for part in _slices(comparison, form) if part.by == "all")


def _slices(comparison: Comparison, form: Variant) -> Iterator[ComparedSlice]:
    return (part for part in comparison.slices if part.variant is form)


def _details(comparison: Comparison) -> list[Line]:
    """What the tables before it leave out."""
    decisive = [line for p in _slices(comparison, SHOWN) for line in _lines(p, METRICS[1:])]
    received = [line for p in _slices(comparison, Variant.AS_IS) for line in _lines(p, METRICS)]
    return decisive + received


def _lines(part: ComparedSlice, metrics: Sequence[str]) -> Iterator[Line]:
    for metric in metrics:
        if (found := part.metrics[metric]) is not None:
            yield _line(part, metric, found)


def _line(part: ComparedSlice, metric: str, found: Difference) -> Line:
    return Line(
        name=slice_name(part.by, part.name),
        metric=NAMES[metric],
        form=_FORMS[part.variant],
        first=f"{found.first:.3f}",
        second=f"{found.second:.3f}",
        change=interval(found.change, "+"),
        emphasis=_CLASSES[outcome(metric, found.change)],
        n=f"{part.n:,}",
        groups=f"{part.groups:,}",
    )


def _forest(comparison: Comparison) -> str:
    """A data URI: the primary difference of each slice in both forms."""
    rows: dict[str, dict[str, Metric | None]] = {}
    for part in comparison.slices:
        found = part.metrics[PRIMARY]
        if found is not None:
            shown = rows.setdefault(slice_name(part.by, part.name), {})
            shown[_FORMS[part.variant]] = found.change
    ordered = {
        name: {form: shown.get(form) for form in _FORMS.values()} for name, shown in rows.items()
    }
    drawn = dict(list(ordered.items())[:_SLICES_DRAWN])
    return pictures.svg(figures.forest(drawn, f"{NAMES[PRIMARY]} difference", reference=0))


def _models(comparison: Comparison) -> list[tuple[str, ...]]:
    """What is known about the two, a row a fact; empty for models that nobody described."""
    if comparison.models is None:
        return []
    facts = [asdict(replace(model, content=model.content[:12])) for model in comparison.models]
    shown = {name: tuple(fact[name] or "-" for fact in facts) for name in _FACTS}
    return [(_FACTS[name], *values) for name, values in shown.items()]


def _count(count: FlipCount) -> tuple[str, ...]:
    numbers = (f"{count.counts[change]:,}" for change in Change)
    return _FORMS[count.variant], f"{count.n:,}", *numbers, interval(count.net, "+")


def _shown(comparison: Comparison) -> list[Flip]:
    """The flips of the form that decides, by kind, the farthest-moved scores first."""
    flips = [flip for flip in comparison.flips if flip.variant is SHOWN]
    kinds = list(Change)
    return sorted(flips, key=lambda flip: (kinds.index(flip.change), -_moved(flip), flip.image_id))


def _moved(flip: Flip) -> float:
    return abs(flip.scores[1] - flip.scores[0])


def _sections(comparison: Comparison, dataset: Dataset) -> Iterator[Section]:
    import pandas as pd

    for change in Change:
        flips = [flip for flip in _shown(comparison) if flip.change is change]
        if flips or change is not Change.RELABELLED:
            rows = pd.DataFrame([asdict(flip) for flip in flips], columns=_COLUMNS)
            chosen = gallery.spread(rows, gallery.PER_SECTION)
            cards = gallery.cards(dataset, chosen, _card) if flips else []
            yield Section(_TITLES[change], len(flips), tuple(cards))


def _card(row: gallery.Row) -> Iterator[str]:
    first, second = row["scores"]
    yield f"score {first:.3f} → {second:.3f}"
    yield " → ".join(row["predicted"])
    yield f"truth: {_truth(row['label'], row['manipulation'])}"
    yield row["image_id"]


def _listed(flip: Flip) -> tuple[str, ...]:
    scores, labels = (
        " → ".join(pair) for pair in (map("{:.3f}".format, flip.scores), flip.predicted)
    )
    return flip.change.value, flip.image_id, _truth(flip.label, flip.manipulation), labels, scores


def _truth(label: str, manipulation: str) -> str:
    return f"{label}, {manipulation}" if manipulation else label
