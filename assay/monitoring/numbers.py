"""What is kept of a window: plain numbers, from which decisions are made and pages are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Literal

from assay.monitoring.performance_numbers import Figure, Performance
from assay.settings import Settings


class Family(StrEnum):
    """What a column of a window is about."""

    DESCRIPTOR = "descriptor"
    """A property of the file or the picture: size, sharpness, JPEG quality."""
    FINDING = "finding"
    """The value of one piece of evidence."""
    EMBEDDING = "embedding"
    """A principal component of the model's representation."""
    VERDICT = "verdict"
    """Score, label, whether people are asked."""
    TRAFFIC = "traffic"
    """Who sends, and which kind of file."""


class ReferenceKind(StrEnum):
    """Where the reference of a window comes from, the best first."""

    TRAINING_CAPTURES = "training_captures"
    """The traffic that the model was trained or calibrated on."""
    FIRST_CAPTURES = "first_captures"
    """The first traffic that the model answered."""
    DATASET = "dataset"
    """Images of its training dataset, as they are: traffic differs from these anyhow, so this
    tells how far the platform is from the training, and is no ground for a decision."""
    NONE = "none"
    """Nothing to compare with."""


class Reference(Settings):
    """What a window was compared with."""

    kind: ReferenceKind
    captures: int
    groups: int
    since: datetime | None = None
    until: datetime | None = None
    """Of its first and its last capture; None for a dataset."""


class ColumnDrift(Settings):
    """One column of a window against its reference; near-duplicates count once."""

    name: str
    family: Family
    kind: Literal["numeric", "categorical"]
    test: str
    """Of the p-value: Kolmogorov-Smirnov, or the chi-squared test of homogeneity, with Fisher's
    exact one for what is rare."""
    p: float
    """Of the test by itself."""
    p_adjusted: float
    """For all columns of the window together (Holm 1979): where nothing changed, the chance that
    any column falls below a limit is at most that limit."""
    effect: float
    """The share of traffic, 0..1, that at least has changed: the greatest difference between the
    two distribution functions, or the total variation distance of two mixes."""
    drifted: bool
    """`p_adjusted` is below the limit, and `effect` large enough to matter."""
    reference_n: int
    n: int
    """Rows behind it that have a value."""
    reference_mean: float | None = None
    mean: float | None = None
    """Of numeric columns."""
    bins: tuple[float, ...] | tuple[str, ...] = ()
    """Edges, one more than shares, of a numeric column; else the categories."""
    reference_shares: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()
    """Of the rows, by bin."""


class Quality(Settings):
    """Whether the data are what they should be."""

    refusals: Mapping[str, int] = {}
    """Images that were not judged, by the code of the refusal."""
    refused_share: float | None = None
    """Of all requests of the window; None where nothing came."""
    clients: Mapping[str, float] = {}
    """Share of captures by client, the largest first."""
    duplicates_share: float = 0.0
    """Captures that repeat another of the window, pixel for pixel or nearly."""
    largest_group: int = 0
    """Captures of the picture that came most often."""
    largest_group_share: float = 0.0
    missing: Mapping[str, float] = {}
    """Share of captures without a value, by column, where clearly more lack it than before."""
    lost: float = 0.0
    """Of the column that lost most: the share that lacks a value, less that in the reference."""


class WindowNumbers(Settings):
    """Everything that the monitor measured of one window."""

    model_version: str
    """As captures name it."""
    since: datetime
    until: datetime
    captures: int
    groups: int
    """Pictures: near-duplicates count once."""
    is_enough: bool
    """False for a window or a reference too small to be judged; `drift` is then empty."""
    reference: Reference
    drift: tuple[ColumnDrift, ...] = ()
    quality: Quality = Quality()
    verdict_mix: Mapping[str, float] = {}
    """Share of captures by label."""
    review_share: float | None = None
    """Of captures that people are asked about."""
    flip_rate: Figure | None = None
    """Of captures whose stability was checked: the label changed under a perturbation."""
    labelled: int = 0
    """Captures that people have decided so far."""
    performance: Performance | None = None
    promised_auc: Figure | None = None
    """Of the model on labels of the traffic that it did not learn from, when it was judged."""

    @property
    def drifted(self) -> tuple[ColumnDrift, ...]:
        """The columns that drifted, those that moved most first."""
        moved = [column for column in self.drift if column.drifted]
        return tuple(sorted(moved, key=lambda column: -column.effect))

    @property
    def drifted_share(self) -> float:
        """Of all columns that were tested; 0 where none was."""
        return len(self.drifted) / len(self.drift) if self.drift else 0.0
