"""What a platform decides by itself: from which score on something is said, shown or looked at.

A model comes with thresholds and a review band that were fitted on labelled images. A policy sets
what a platform wants otherwise, in a YAML file of a few lines; what it leaves out stays as the
model has it:

    threshold: 0.6                              # not authentic from this score on
    strata: {"JPEG under 75, under 512 px": 0.7}
    review: {low: 0.3, high: 0.8}               # scores that are handed to people
    notices: {decided: 0.7, in_review: null}    # scores from which users are cautioned
    review_share: 0.5                           # of the band, that people are asked about
    audit_share: 0.05                           # of everything, that people judge blindly

`run.py --pipeline backtest` shows what a policy would have come to; the service follows the file
that ``ASSAY_POLICY`` names. No policy makes an automatic verdict a warning: see `assay.notices`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import yaml
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from assay import notices, selection, strata
from assay.calibration import Calibration
from assay.errors import ConfigError, did_you_mean
from assay.notices import Level, NoticeLimits
from assay.records import Label
from assay.settings import Settings, at_home, first_mistake

if TYPE_CHECKING:
    from assay.store import StoreSettings

VARIABLE = "ASSAY_POLICY"
"""The file of the policy that the service follows; unset, all is as the model was calibrated."""

Share = Annotated[float, Field(ge=0, le=1)]


def _known_stratum(name: str) -> str:
    if name not in (known := strata.names()):
        raise ValueError(f"no kind of file {name!r}{did_you_mean(name, known)}")
    return name


class Band(Settings):
    """Scores in this closed interval are handed to people."""

    low: Share = 0.0
    high: Share = 1.0


class Policy(Settings):
    """What a platform wants otherwise than the model was calibrated; None and empty change nothing.

    Raises ValueError where a threshold lies outside the review band: what is hardest to tell would
    be decided, and what is easier handed to people.
    """

    threshold: Share | None = None
    """The score from which an image is not called authentic; replaces those of all strata too."""
    strata: dict[Annotated[str, AfterValidator(_known_stratum)], Share] = Field(
        default_factory=dict
    )
    """Thresholds of kinds of file (`assay.strata.names`)."""
    review: Band | None = None
    """Which scores are handed to people."""
    notices: NoticeLimits = NoticeLimits()
    """From which scores on users are cautioned."""
    review_share: Share = 1.0
    """Of the images in the band, that people are asked about; the rest is marked all the same."""
    audit_share: Share | None = None
    """Of all images, that people judge without seeing the verdict."""

    @model_validator(mode="after")
    def _thresholds_in_band(self) -> Self:
        own = {**self.strata, "threshold": self.threshold}
        for name, value in own.items():
            if self.review and value is not None and not _within(value, self.review):
                raise ValueError(
                    f"{name} {value:g} lies outside the review band "
                    f"{self.review.low:g}-{self.review.high:g}; move one of them"
                )
        if self.review and self.review.low > self.review.high:
            raise ValueError("review.low is above review.high; exchange them")
        return self

    @classmethod
    def read(cls, path: Path) -> Policy:
        """The policy of a YAML file; raises `ConfigError` with one line that says what is wrong."""
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
            if not isinstance(document, dict):
                raise ConfigError("expected a mapping, as in `threshold: 0.6`")
            return cls.model_validate(document)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; name a policy file") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {' '.join(str(error).split())}") from error
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error
        except ValidationError as error:
            raise ConfigError(f"{path}: {first_mistake(error, cls)}") from error

    @classmethod
    def of_environment(cls) -> Policy:
        """The policy that `VARIABLE` names, else one that changes nothing; raises as `read`."""
        named = os.environ.get(VARIABLE)
        return cls.read(Path(named).expanduser()) if named else cls()

    def applied(self, calibration: Calibration) -> Calibration:
        """``calibration`` with what this policy sets; where both cannot hold, the policy does.

        A threshold of the model's own moves into a band that the policy sets, and the model's band
        grows to hold a threshold that it sets. What the band promised holds for that band alone.
        """
        threshold, own = calibration.threshold, calibration.strata
        if self.threshold is not None:
            threshold, own = self.threshold, {}
        set_here = [*self.strata.values(), *([] if self.threshold is None else [threshold])]
        low, high = calibration.review_low, calibration.review_high
        if self.review is not None:
            low, high = self.review.low, self.review.high
        low, high = min(low, *set_here, 1.0), max(high, *set_here, 0.0)
        return replace(
            calibration,
            threshold=min(max(threshold, low), high),
            strata={
                name: min(max(value, low), high) for name, value in (own | self.strata).items()
            },
            review_low=low,
            review_high=high,
            review=calibration.review if (low, high) == _band(calibration) else None,
        )

    def drawing(self, settings: StoreSettings) -> StoreSettings:
        """``settings`` with the shares of captures that are put before people."""
        audits = settings.audit_share if self.audit_share is None else self.audit_share
        shares = {"audit_share": audits, "review_share": self.review_share}
        return settings.model_copy(update=shares)


def _readable(path: str) -> str:
    if path:
        Policy.read(Path(path))
    return path


PolicyPath = Annotated[str, BeforeValidator(at_home), AfterValidator(_readable)]
"""A policy file that can be read, or empty for none."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of an image when something is decided about it."""

    probabilities: tuple[float, float, float]
    """In the order of `Label`."""
    stratum: str = ""
    is_for_people: bool = False
    """Whatever the score: nothing could be measured, the label does not hold once it is shared
    again, or a near-duplicate differs in places."""
    is_benign: bool = False
    """Known to be altered only as a whole, as people cleared what it is a copy of."""
    stated: tuple[Level, str] | None = None
    """The notice that its content credentials ask for, with its reason."""

    @property
    def score(self) -> float:
        """Calibrated probability that the image is not authentic."""
        return 1 - self.probabilities[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is decided about an image."""

    label: Label
    needs_review: bool
    level: Level
    reason: str
    """Which rule of `assay.notices` spoke."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A model's calibration under a policy: all that is needed to decide."""

    calibration: Calibration
    policy: Policy = field(default_factory=Policy)

    @classmethod
    def of(cls, calibration: Calibration, policy: Policy) -> Rules:
        """The rules of a model whose own ``calibration`` knows no policy yet."""
        return cls(policy.applied(calibration), policy)

    def answer(self, judged: Judged) -> Answer:
        """What is decided about an image."""
        label = self.calibration.label(judged.probabilities, judged.stratum)
        for_people = judged.is_for_people or self.calibration.needs_review(judged.score)
        level, reason = judged.stated or notices.checked(
            label, judged.score, for_people, judged.is_benign, self.policy.notices
        )
        return Answer(label, for_people, level, reason)

    def chance(self, needs_review: bool, audit_share: float) -> float:
        """Of being put before people; ``audit_share`` is what the policy leaves as it is."""
        audits = self.policy.audit_share
        return selection.chance(
            needs_review, audit_share if audits is None else audits, self.policy.review_share
        )


def as_row(probabilities: Iterable[float]) -> tuple[float, float, float]:
    """Probabilities of the three labels as a `Judged` holds them."""
    authentic, manipulated, synthesized = map(float, probabilities)
    return authentic, manipulated, synthesized


def _within(value: float, band: Band) -> bool:
    return band.low <= value <= band.high


def _band(calibration: Calibration) -> tuple[float, float]:
    return calibration.review_low, calibration.review_high
