"""What an intake of labels took, left out, set aside, and why: nothing is dropped in silence."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from assay.dataset import DataSettings
from assay.records import Label, Split
from assay.settings import Settings

Share = Annotated[float, Field(gt=0, le=1)]


class IntakeSettings(Settings):
    """How much one party may contribute, whom to set aside, and what is held out."""

    client_share: Share = 0.25
    """Of all images to learn from, older ones included, that one client may have sent."""
    labeller_share: Share = 0.25
    """Of the same, that one person or key may have labelled."""
    newest_share: float = Field(0.25, ge=0, lt=1)
    """Of the images that are taken, every second one of the newest, held out to judge on."""
    validation_share: float = Field(0.25, ge=0, lt=1)
    """Of the other images, to calibrate on."""
    quarantine_alpha: float = Field(0.001, gt=0, lt=1)
    """Chance that anybody is set aside in an intake where all label alike."""
    quarantine_excess: float = Field(0.15, gt=0, le=1)
    """Labels beyond what was to be expected, as a share of theirs, below which nobody is."""
    quarantine_labels: int = Field(12, ge=4)
    """Labels of theirs, and of others, below which nobody is."""
    trusted: tuple[str, ...] = ()
    """Labellers whom a person has looked at and who are not set aside."""
    max_weight: float = Field(50.0, ge=1)
    """Traffic that one image stands for at most."""
    workers: int | None = Field(None, ge=1)
    """Processes; None takes one a core. The result does not depend on it."""


class Reason(StrEnum):
    """Why a labelled image is not learned from."""

    OPEN = "open"
    """A person still has to look at it, again or for the first time."""
    QUARANTINED = "quarantined"
    """Only labellers who are set aside have labelled it."""
    CONFLICT = "conflict"
    NOT_KEPT = "not_kept"
    """Its sender opted out, or it was deleted meanwhile."""
    KNOWN = "known"
    """The older dataset holds the same pixels under the same label."""
    NEAR_TEST = "near_test"
    """A near-duplicate of a split that is held out for tests, which stays as it is."""
    BETWEEN_SPLITS = "between_splits"
    """A near-duplicate of images in two splits of the older dataset."""
    CLIENT_CAP = "client_cap"
    LABELLER_CAP = "labeller_cap"


class Taken(Settings):
    """An image that is learned from or judged on; one of its captures stands for all."""

    image_id: str
    capture_id: str
    image_digests: dict[str, str]
    """SHA-256 of the bytes by capture: all of the span that show exactly these pixels."""
    client: str
    label: Label
    labeller: str
    """Whose vote counts."""
    labellers: tuple[str, ...]
    """All who voted so."""
    decided_at: datetime
    captured_at: datetime
    model_version: str
    model_label: Label
    """What was answered: to compare with, never to learn from."""
    score: float
    weight: float | None
    """Images of the traffic that this one stands for; None where no design put it before people
    (a report, an appeal), so that nothing can be estimated with it."""
    group: str
    split: Split


class LeftOut(Settings):
    """A labelled image that is not learned from."""

    capture_id: str
    reason: Reason
    detail: str = ""


class Quarantined(Settings):
    """A labeller whose labels contradict both the others and the model far beyond chance."""

    who: str
    labels: int
    expected: float
    """Labels as tested, if this were a labeller like the others."""
    observed: int
    p: float
    """Chance of this or more, corrected for all that was tested."""
    pattern: str
    """What was counted: contradictions, authentic, or not authentic."""

    @property
    def sentence(self) -> str:
        """For a reader."""
        return (
            f"{self.who}: {self.observed} of {self.labels} labels are {self.pattern}, where "
            f"{self.expected:.1f} were to be expected (p = {self.p:.1g}); none of them is taken "
            "until a person has looked, and trusts them by intake.trusted"
        )


class Conflict(Settings):
    """Pixel-equal images under two labels."""

    capture_id: str
    labels: dict[str, str]
    """Label by who gave it; ``dataset`` for the older dataset."""
    is_reopened: bool
    """False where it was before people already."""


class Dropped(Settings):
    """A row of the older dataset that is not learned from again."""

    image_id: str
    reason: str


class Intake(Settings):
    """What came of one span of captures; JSON in and out."""

    base: str
    """Version of the older dataset."""
    base_path: Path
    path: Path
    """The folder that the source ``captures`` reads."""
    since: datetime
    until: datetime
    taken: tuple[Taken, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    quarantined: tuple[Quarantined, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Intake:
        if self.since >= self.until:
            raise ValueError("since is not before until; swap them")
        return self

    def of_split(self, split: Split) -> tuple[Taken, ...]:
        """What was taken for one split; ``Split.NEWEST`` is the newest labelled window."""
        return tuple(one for one in self.taken if one.split is split)

    @property
    def weights(self) -> dict[str, float | None]:
        """By ``image_id``, as `Taken.weight` says."""
        return {one.image_id: one.weight for one in self.taken}

    def data(self) -> DataSettings:
        """Settings that build the older dataset and what was taken into one."""
        options = {"base": str(self.base_path), "labels": str(self.path)}
        return DataSettings(source="captures", options=options)

    @property
    def sentence(self) -> str:
        """Counts for a reader; names nobody."""
        counts = (
            Counter(one.label.value for one in self.taken),
            Counter(one.split.value for one in self.taken),
            Counter(one.reason.value for one in self.left_out),
        )
        labels, splits, reasons = (
            ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
            for found in counts
        )
        parts = [f"{len(self.taken)} labelled images taken in"]
        parts += [f"({labels}; {splits})"] if self.taken else []
        parts += [f"and {len(self.left_out)} left out ({reasons})"] if self.left_out else []
        return " ".join(parts)
