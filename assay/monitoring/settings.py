"""How a window is chosen, what it is compared with, when a difference counts, and what follows."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from assay.monitoring.frame import LIMIT
from assay.settings import Seed, Settings


class WindowSettings(Settings):
    """Which captures make a window; without `since` it goes on where the last one ended."""

    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    """Itself excluded; None for the present."""
    days: float = Field(28.0, gt=0)
    """The longest window: what is older is left out."""
    limit: int = Field(LIMIT, gt=0, le=LIMIT)
    """Captures that it may hold: the newest."""


class ReferenceSettings(Settings):
    """What a window is compared with."""

    captures: int = Field(1000, ge=100)
    """The first that a model answered, where it was not trained on captures."""
    limit: int = Field(20_000, ge=100)
    """Captures of the traffic that a model was trained on: the newest."""
    images: int = Field(300, ge=0)
    """Of the training dataset, while nothing better is there; 0 for none."""
    least_pictures: int = Field(200, ge=2)
    """Near-duplicates count once; with fewer there is nothing to compare with."""


class DriftSettings(Settings):
    """When a column has drifted."""

    alpha: float = Field(0.05, gt=0, lt=1)
    """Chance that a window without change shows any drift at all."""
    least_effect: float = Field(0.08, ge=0, lt=1)
    """Share of traffic that has to have changed: a smaller change is let pass, however sure."""
    least_pictures: int = Field(200, ge=2)
    """Near-duplicates count once; a window with fewer says "not enough data"."""
    least_values: int = Field(100, ge=2)
    """Of a column on either side, below which it is left out."""
    sample: int = Field(10_000, ge=100)
    """Pictures of either side that are compared: beyond, certainty no longer matters."""


class PerformanceSettings(Settings):
    """How performance is estimated, and from how many labels on it says something."""

    resamples: int = Field(400, ge=100)
    """Draws behind each interval."""
    seed: Seed = 0
    least_labels: int = Field(20, ge=2)
    """Labelled groups below which a slice says that they are too few."""
    least_of_class: int = Field(5, ge=1)
    """Labelled groups of the rarer class below which nothing is said that needs both."""
    most_unseen: float = Field(0.05, ge=0, le=1)
    """Share of the captures that is of a kind (handed to people or not, flagged or not) of which
    nobody has labelled any, beyond which nothing is said."""
    most_slices: int = Field(20, ge=1)
    """Clients, and strata, that are measured: those with the most captures."""


class DecisionSettings(Settings):
    """The limits beyond which something is done, and how sure of that one wants to be."""

    consecutive: int = Field(2, ge=1)
    """Windows in a row that have to say so."""
    confidence: float = Field(0.999, gt=0.5, lt=1)
    """Of the interval, over these windows together, that has to leave out "nothing changed": a
    decision looks at some eight figures, and at many windows in a year."""
    baseline: int = Field(2, ge=1)
    """The model's first windows with enough labels, which later ones are compared with."""
    least_fall: float = Field(0.05, gt=0, lt=1)
    """Of AUC, recall, precision or agreement: a smaller one is let pass, however sure it is."""
    least_of_kind: int = Field(30, ge=1)
    """Labelled groups of a kind of edit in a window, below which nothing is said of that kind."""
    most_gap: float = Field(0.05, gt=0, lt=1)
    """Between the mean score and the share of images that are not authentic."""
    most_ece: float = Field(0.10, gt=0, lt=1)
    """Expected calibration error that its interval has to clear."""
    recalibrate_labels: int = Field(100, ge=1)
    """Labelled groups of the windows in question, below which a recalibration waits."""
    most_refused: float = Field(0.20, gt=0, le=1)
    """Share of the requests whose image could not be judged."""
    least_refused: int = Field(100, ge=1)
    """Of these, from which on a person is called though too little was answered to be judged."""
    most_of_one_picture: float = Field(0.50, gt=0, le=1)
    """Share of the captures that show one picture."""
    most_missing: float = Field(0.50, gt=0, le=1)
    """Share of the captures that lack a value, beyond those that lacked it in the reference."""
    patience: int = Field(4, ge=1)
    """Windows during which what was decided before is remembered."""
