"""What is wrong with a model's newest windows, each finding with its sentence and its numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from assay.monitoring import series, unanswered
from assay.monitoring.changes import change, pooled, widened
from assay.monitoring.numbers import ColumnDrift, Family, ReferenceKind, WindowNumbers
from assay.monitoring.performance import AGREEMENT, BY_LABEL, MOVED, REST
from assay.monitoring.performance_numbers import Figure
from assay.monitoring.series import Before
from assay.monitoring.settings import DecisionSettings
from assay.records import Label

_KINDS = (Label.MANIPULATED, Label.SYNTHESIZED)


class Symptom(StrEnum):
    """What may be wrong."""

    QUARANTINE = "quarantine"
    BROKEN_DATA = "broken_data"
    AUC_FELL = "auc_fell"
    KIND_MISSED = "kind_missed"
    """One kind of edit is told from authentic images worse than that kind, or any, was before."""
    RECALL_FELL = "recall_fell"
    WRONG_MORE_OFTEN = "wrong_more_often"
    """Precision or agreement fell."""
    UNCALIBRATED = "uncalibrated"
    DRIFT = "drift"
    """Of inputs: what the model says is no cause."""
    DRIFT_IS_WRONG = "drift_is_wrong"
    """What drifted is judged worse than the rest."""
    TOO_FEW_LABELS = "too_few_labels"
    """To tell whether the drift matters."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One symptom that was found."""

    symptom: Symptom
    reason: str
    """A sentence."""
    numbers: dict[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Symptoms:
    """All that was found."""

    found: tuple[Finding, ...]
    labels: int
    """Labelled groups of the windows in question."""
    otherwise: str
    """What there is to say where nothing was found."""

    def reasons(self, *symptoms: Symptom) -> list[str]:
        """The sentences of what was found among ``symptoms``."""
        return [one.reason for one in self.found if one.symptom in symptoms]

    @property
    def evidence(self) -> dict[str, JsonValue]:
        """The numbers by symptom."""
        return {one.symptom.value: one.numbers for one in self.found}


def of(
    windows: Sequence[WindowNumbers], settings: DecisionSettings, quarantined: Sequence[str] = ()
) -> Symptoms:
    """What holds in each of the newest windows of the model that answers, oldest window first."""
    recent, otherwise = _recent(windows, settings)
    found = [*_quarantine(quarantined)]
    if recent:
        version = recent[-1].model_version
        own = [one for one in windows if one.is_enough and one.model_version == version]
        earlier = own[: own.index(recent[0])]
        promised = recent[-1].promised_auc
        before = Before(earlier, () if promised is None else (promised,), settings.baseline)
        found += [*_broken(recent, settings), *_fell(before, recent, settings)]
        found += _missed(before, recent, settings)
        found += [*_uncalibrated(recent, settings), *_drift(recent, settings)]
    else:
        found += _unanswered(windows[-settings.consecutive :], settings)
    labels = sum(one.performance.groups for one in recent if one.performance)
    return Symptoms(tuple(found), labels, otherwise)


def _recent(
    windows: Sequence[WindowNumbers], settings: DecisionSettings
) -> tuple[list[WindowNumbers], str]:
    """The windows that have to agree, none where there are too few; and a sentence."""
    if not windows or not windows[-1].is_enough:
        return [], "Not enough data in the newest window."
    large = [one for one in windows if one.is_enough]
    recent = large[-settings.consecutive :]
    models = {one.model_version for one in recent}
    if len(recent) < settings.consecutive or len(models) > 1:
        return [], f"Not enough windows of this model yet: {settings.consecutive} have to agree."
    return recent, "Nothing is beyond its limit in all of the newest windows."


def _quarantine(quarantined: Sequence[str]) -> Iterator[Finding]:
    """Who is named in the numbers alone, as reasons go to everybody who may look at a window."""
    if quarantined:
        held: list[JsonValue] = list(quarantined)
        who = "one labeller" if len(held) == 1 else f"{len(held)} labellers"
        words = f"Labels of {who} are held back: sudden and one-sided; the evidence names whose."
        yield Finding(Symptom.QUARANTINE, words, {"held_back": held})


def _broken(recent: list[WindowNumbers], settings: DecisionSettings) -> Iterator[Finding]:
    """Data that nothing should be concluded from, in each of the windows."""
    faults = {
        "of the requests could not be judged": (
            [one.quality.refused_share or 0.0 for one in recent],
            settings.most_refused,
        ),
        "of the captures show one picture": (
            [one.quality.largest_group_share for one in recent],
            settings.most_of_one_picture,
        ),
        "of the captures lack a value that the reference has": (
            [one.quality.lost for one in recent],
            settings.most_missing,
        ),
    }
    broken = {name: shares for name, (shares, most) in faults.items() if min(shares) > most}
    if broken:
        words = "; ".join(f"{shares[-1]:.0%} {name}" for name, shares in broken.items())
        numbers: dict[str, JsonValue] = {name: list(of) for name, of in broken.items()}
        yield Finding(Symptom.BROKEN_DATA, f"The data are broken: {words}.", numbers)


def _unanswered(newest: Sequence[WindowNumbers], settings: DecisionSettings) -> Iterator[Finding]:
    """Windows that stay small because most requests are refused."""
    if unanswered.goes_on(newest, settings):
        shares = [one.quality.refused_share or 0.0 for one in newest]
        count = sum(newest[-1].quality.refusals.values())
        words = f"{shares[-1]:.0%} of the requests could not be judged: {count:,} of them."
        yield Finding(Symptom.BROKEN_DATA, words, {"refused": list(shares)})


def _fell(
    earlier: Before, recent: list[WindowNumbers], settings: DecisionSettings
) -> Iterator[Finding]:
    """Figures that are credibly lower than in the model's first windows, or than was promised."""
    symptoms = {
        "auc": Symptom.AUC_FELL,
        "recall": Symptom.RECALL_FELL,
        "precision": Symptom.WRONG_MORE_OFTEN,
        AGREEMENT: Symptom.WRONG_MORE_OFTEN,
    }
    for name, symptom in symptoms.items():
        now = series.of_all(recent, name)
        bases = earlier.bases(name) if len(now) == len(recent) else ()
        fallen = [before for before in bases if _has_fallen(before, now, settings)]
        if fallen:
            before, what = fallen[0], name.upper() if name == "auc" else name.capitalize()
            words = f"{what} fell from {_words(before)} to {_words(pooled(now))}."
            yield Finding(symptom, words, {name: [before.value, *(one.value for one in now)]})


def _missed(
    earlier: Before, recent: list[WindowNumbers], settings: DecisionSettings
) -> Iterator[Finding]:
    """Kinds of edits that the model does not rank as it ranked edits in its first windows.

    What is new is a part of the traffic, and what is known keeps the AUC of all together up. What
    the model was promoted with says nothing of its kinds, of which one is always the harder.
    """
    for kind in _KINDS:
        part, least = (BY_LABEL, kind.value), settings.least_of_kind
        now = series.of_slice(recent, part, "auc", least)
        first = earlier.of_slice(part, "auc", least) or earlier.own("auc")
        if not first or len(now) < len(recent):
            continue
        before = pooled(first)
        if _has_fallen(before, now, settings):
            words = (
                f"What people call {kind.value} is told from authentic images with an AUC of "
                f"{_words(pooled(now))}, where edits had {_words(before)}."
            )
            numbers: list[JsonValue] = [before.value, *(one.value for one in now)]
            yield Finding(Symptom.KIND_MISSED, words, {kind.value: numbers})


def _has_fallen(before: Figure, now: Sequence[Figure], settings: DecisionSettings) -> bool:
    """Whether all of ``now`` lie far enough below ``before``, and together beyond chance."""
    is_far = all(one.value <= before.value - settings.least_fall for one in now)
    return is_far and _is_lower(before, pooled(now), settings)


def _uncalibrated(recent: list[WindowNumbers], settings: DecisionSettings) -> Iterator[Finding]:
    gaps, errors = series.of_all(recent, "gap"), series.of_all(recent, "ece")
    side = _side(gaps, settings) if len(gaps) == len(recent) else 0
    if side and _is_beyond(pooled(gaps), settings.most_gap):
        much = "much" if side > 0 else "little"
        words = f"Scores say too {much}, by {_words(pooled(gaps))} on average."
        yield Finding(Symptom.UNCALIBRATED, words, {"gap": [one.value for one in gaps]})
    elif len(errors) == len(recent) and all(one.low > settings.most_ece for one in errors):
        words = f"The calibration error is {_words(errors[-1])}."
        yield Finding(Symptom.UNCALIBRATED, words, {"ece": [one.value for one in errors]})


def _is_lower(before: Figure, after: Figure, settings: DecisionSettings) -> bool:
    return widened(change(before, after), settings.confidence).high < 0


def _is_beyond(gap: Figure, most: float) -> bool:
    """Whether all that is credible is further from 0 than what is let pass."""
    return gap.low > most or gap.high < -most


def _side(gaps: Sequence[Figure], settings: DecisionSettings) -> int:
    """On which side of 0 all ``gaps`` lie, far enough and beyond chance; 0 where they do not."""
    both = widened(pooled(gaps), settings.confidence)
    if both.low > 0 and all(one.value > settings.most_gap for one in gaps):
        return 1
    return -1 if both.high < 0 and all(one.value < -settings.most_gap for one in gaps) else 0


def _drift(recent: list[WindowNumbers], settings: DecisionSettings) -> Iterator[Finding]:
    """Inputs that drifted in each of the windows, and what labels say of the images in question."""
    moved = [_inputs(one) for one in recent]
    common = set.intersection(*({column.name for column in of} for of in moved))
    if not common:
        return
    effects = {column.name: column.effect for column in moved[-1] if column.name in common}
    most = ", ".join(sorted(effects, key=lambda name: -effects[name])[:3])
    what = "input" if len(common) == 1 else "inputs"
    words = f"{len(common)} {what} drifted, most of all {most} ({max(effects.values()):.0%})."
    yield Finding(Symptom.DRIFT, words, dict(effects))
    yield from _of_what_moved(recent, settings)


def _of_what_moved(recent: list[WindowNumbers], settings: DecisionSettings) -> Iterator[Finding]:
    """Whether verdicts or scores are worse on what drifted than on the rest."""
    rest, moved = (series.of_part(recent, part, AGREEMENT) for part in (REST, MOVED))
    if not moved:
        words = "Too few labels on what drifted to tell whether it is judged worse."
        yield Finding(Symptom.TOO_FEW_LABELS, words, {})
    if not moved or not rest:
        return  # without a rest all has drifted, and the figures of all tell
    before, after = pooled(rest), pooled(moved)
    is_far = all(m.value <= r.value - settings.least_fall for r, m in zip(rest, moved, strict=True))
    if is_far and _is_lower(before, after, settings):
        words = f"People agree with {_words(after)} of what drifted, {_words(before)} of the rest."
        numbers: dict[str, JsonValue] = {MOVED: after.value, REST: before.value}
        yield Finding(Symptom.DRIFT_IS_WRONG, words, numbers)
        return
    rest, moved = (series.of_part(recent, part, "gap") for part in (REST, MOVED))
    differences = [change(r, m) for r, m in zip(rest, moved, strict=True)]
    if differences and _side(differences, settings):
        after, before = pooled(moved), pooled(rest)
        words = f"Scores are off by {_words(after)} on what drifted, {_words(before)} on the rest."
        yield Finding(Symptom.DRIFT_IS_WRONG, words, {MOVED: after.value, REST: before.value})


def _inputs(window: WindowNumbers) -> list[ColumnDrift]:
    """What drifted of the inputs, against traffic: against a dataset all traffic drifts."""
    if window.reference.kind in (ReferenceKind.DATASET, ReferenceKind.NONE):
        return []
    return [column for column in window.drifted if column.family is not Family.VERDICT]


def _words(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"
