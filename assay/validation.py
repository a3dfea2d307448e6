"""Is a dataset fit to train on: Great Expectations over its profile, and the shortcut probes.

`validate` never raises for bad data, so that its report can be kept; `check` raises what stops a
run. What is expected stands in `assay.expectations`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field, TypeAdapter

from assay.dataset import Dataset
from assay.engines import Engine
from assay.errors import SchemaViolation, ShortcutFound, SplitLeakage
from assay.expectation_results import Expected, expect
from assay.expectations import LEAKS, REJECTIONS, ExpectationSettings, Severity
from assay.image_profile import NORMALISED, profile
from assay.progress import Progress
from assay.records import Rejected
from assay.rejections import PLACE, rejections
from assay.shortcuts import Outcome, Probe, ShortcutSettings, Unprobed, probe

if TYPE_CHECKING:
    import pandas as pd


logger = logging.getLogger(__name__)

_KINDS_NAMED = 5


class ValidationSettings(ExpectationSettings):
    """What a dataset must be like before anything is trained on it."""

    shortcuts: ShortcutSettings = ShortcutSettings()
    workers: int | None = Field(None, ge=1)
    """Processes that read the images; None takes one a core. The result does not depend on it."""


@dataclass(frozen=True, slots=True)
class Count:
    """Stored rows of one dataset, split and label."""

    dataset: str
    split: str
    label: str
    rows: int


@dataclass(frozen=True, slots=True)
class Validation:
    """What was found about one dataset."""

    dataset_version: str
    rows: int
    """Stored rows, without the rejected ones."""
    counts: tuple[Count, ...]
    rejected: tuple[Rejected, ...]
    expectations: tuple[Expected, ...]
    probes: tuple[Probe, ...]
    unprobed: tuple[Unprobed, ...]
    shortcut_limit: float

    @property
    def broken(self) -> tuple[Expected, ...]:
        """The expectations that stop a run."""
        failed = (e for e in self.expectations if not e.passed)
        return tuple(e for e in failed if e.severity is Severity.CRITICAL)

    @property
    def warnings(self) -> tuple[Expected, ...]:
        """The expectations that failed and are only reported."""
        failed = (e for e in self.expectations if not e.passed)
        return tuple(e for e in failed if e.severity is Severity.WARNING)

    @property
    def blocking(self) -> tuple[Probe, ...]:
        """The shortcuts that stop a run."""
        return tuple(p for p in self.probes if p.outcome is Outcome.BLOCKS)

    @property
    def suspects(self) -> tuple[Probe, ...]:
        """What normalisation leaves of shortcuts, and does not stop a run."""
        tolerated = {Outcome.SUSPECT, Outcome.EXCEPTED}
        return tuple(p for p in self.probes if p.form == NORMALISED and p.outcome in tolerated)

    @property
    def passed(self) -> bool:
        """Whether the dataset may be trained on."""
        return not self.broken and not self.blocking

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Validation:
        """Invert `as_dict`."""
        return TypeAdapter(cls).validate_python(stored)


def validate(
    dataset: Dataset,
    settings: ValidationSettings,
    progress: Progress,
    engine: Engine = Engine.PROCESSES,
) -> Validation:
    """Profile ``dataset`` with all images decoded, hold it to the suite, probe it for shortcuts."""
    rows = profile(dataset, settings.workers, progress, engine)
    found = judge(rows, dataset.version, settings, progress)
    _log(found, settings.shortcuts.exceptions)
    return found


def judge(
    rows: pd.DataFrame, version: str, settings: ValidationSettings, progress: Progress
) -> Validation:
    """The validation of a profile (`assay.image_profile.profile`) of the dataset ``version``.

    A profile that lacks columns is held to its schema alone: nothing else can be measured.
    """
    expectations, complete = expect(rows, settings)
    probes, unprobed = probe(rows, settings.shortcuts, progress) if complete else ((), ())
    stored = rows[rows["rejected"].isna()]
    left_out = rows.loc[rows["rejected"].notna(), ["image_id", "rejected"]]
    return Validation(
        dataset_version=version,
        rows=len(stored),
        counts=_counts(stored) if complete else (),
        rejected=tuple(Rejected(*row) for row in left_out.itertuples(index=False)),
        expectations=expectations,
        probes=probes,
        unprobed=unprobed,
        shortcut_limit=settings.shortcuts.limit,
    )


def check(validation: Validation) -> None:
    """Raise the one refusal of a dataset that did not pass; it names all that stops the run.

    `SchemaViolation`, or `SplitLeakage` or `ShortcutFound` where nothing else is wrong.
    """
    if validation.passed:
        return
    if not validation.broken:
        raise ShortcutFound(refusal(validation))
    leaks_only = all(expectation.name in LEAKS for expectation in validation.broken)
    raise (SplitLeakage if leaks_only else SchemaViolation)(refusal(validation))


def refusal(validation: Validation) -> str:
    """What stops the run, with the first offending rows and the remedies; empty if nothing does."""
    lines = [_broken(expectation, validation) for expectation in validation.broken]
    lines += [_blocking(shortcut, validation) for shortcut in validation.blocking]
    if not lines:
        return ""
    return f"dataset {validation.dataset_version} is not fit to train on: " + "; ".join(lines)


def _log(found: Validation, exceptions: Collection[str]) -> None:
    """What is reported and stops nothing would else be seen only by who opens the page."""
    for expected in found.warnings:
        logger.warning("%s: %s; %s", expected.name, expected.observed, ", ".join(expected.first))
    for shortcut in found.suspects:
        logger.warning(
            "%s may be a shortcut in %s: balanced accuracy %.3f even after normalisation",
            shortcut.name,
            shortcut.dataset,
            shortcut.accuracy.value,
        )
    for name in sorted(set(exceptions) - {shortcut.exception for shortcut in found.probes}):
        logger.warning("validation.shortcuts.exceptions: %s is not probed here", name)


def _broken(expectation: Expected, validation: Validation) -> str:
    first = ", ".join(expectation.first)
    if expectation.name == REJECTIONS:
        kinds = [
            f"{kind.count} x {kind.reason} ({_named(kind.examples[0])})"
            for kind in rejections(validation.rejected)
        ]
        more = [f"and {len(kinds) - _KINDS_NAMED} more reasons"] if kinds[_KINDS_NAMED:] else []
        first = ", ".join(kinds[:_KINDS_NAMED] + more)
    found = f"{expectation.name!r} fails ({expectation.observed}; {expectation.wanted})"
    return f"{found}{f': {first}' if first else ''}; {expectation.remedy}"


def _named(row: Rejected) -> str:
    """The reason, which has to say where it is."""
    return row.reason if PLACE.match(row.reason) else f"{row.image_id}: {row.reason}"


def _blocking(shortcut: Probe, validation: Validation) -> str:
    accuracy = shortcut.accuracy
    return (
        f"{shortcut.name} alone tells the labels of {shortcut.dataset!r} apart even after "
        f"normalisation (balanced accuracy {accuracy.value:.3f}, {accuracy.low:.3f}-"
        f"{accuracy.high:.3f}, limit {validation.shortcut_limit:g}); balance the files, or name "
        f"{shortcut.exception!r} in validation.shortcuts.exceptions"
    )


def _counts(stored: pd.DataFrame) -> tuple[Count, ...]:
    keys = zip(stored["dataset"], stored["split"], stored["label"], strict=True)
    return tuple(Count(*key, rows) for key, rows in sorted(Counter(keys).items()))
