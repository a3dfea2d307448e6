"""The nouns of the domain, shared by every module, and the Arrow schema they are stored in."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Pixels = npt.NDArray[np.uint8]
"""RGB image ``[height, width, 3]``, uint8."""
Mask = npt.NDArray[np.bool_]
"""Altered pixels ``[height, width]``, True where altered."""
Heatmap = npt.NDArray[np.float32]
"""Suspicion ``[rows, columns]`` in 0..1 over the whole image, at any grid size."""


class Label(StrEnum):
    """What an image is; the three verdict words."""

    AUTHENTIC = "authentic"
    MANIPULATED = "manipulated"
    SYNTHESIZED = "synthesized"


class Split(StrEnum):
    """Which part of a dataset a sample belongs to."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"
    NEWEST = "newest"
    """The newest part of what people labelled of a platform's traffic: judged, never learned from.

    Only the source ``captures`` names it."""
    ONLINE_TEST = "online_test"
    """Later than every other part but the next: sent through a running service, as traffic is."""
    PRODUCTION = "production"
    """The latest part of a source that is parted by time: what a platform would meet next."""


BASIC_SPLITS = (Split.TRAIN, Split.VALIDATION, Split.TEST)
"""What a training needs: to fit on, to calibrate on, and to be judged on."""


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class Photo:
    """A decoded image together with the bytes it came from (evidence needs both).

    Compared by identity, so that what was found out about a photo can be kept beside it.
    """

    data: bytes
    pixels: Pixels
    format: str
    """Container by content, upper case: JPEG, PNG, WEBP, GIF, TIFF, BMP."""
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image on its way into a dataset, or out of it."""

    image_id: str
    image: bytes
    label: Label
    manipulation: str = ""
    """Name of the edit (splice, copy_move, ...), empty for authentic images."""
    mask: bytes = b""
    """PNG of the altered region, non-zero where altered, as large as the image; empty if none."""
    source: str = ""
    dataset: str = ""
    group: str = ""
    """Near-duplicates and crops of one photograph share a group; a group never spans splits."""
    split: Split | None = None
    licence: str = ""
    caption: str = ""
    rationale: str = ""
    published_at: str = ""
    """ISO 8601, empty if unknown."""
    context: str = ""
    """How a caption misuses the image, kinds parted by commas; no pixel shows it, so no label."""
    fact_check: str = ""
    """Address of the fact-check that looked into it."""
    original: str = ""
    """``image_id`` of the image before it was edited, where the source has it."""
    url: str = ""
    """Where it was downloaded from."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of a source that cannot be used: a value, so that one bad file ends nothing."""

    image_id: str
    reason: str


def sample_schema() -> pa.Schema:
    """The Arrow schema of a stored sample; one column for each field of `Sample`."""
    import pyarrow as pa

    binary, text = pa.binary(), pa.string()
    types = {"image": binary, "mask": binary}
    return pa.schema([pa.field(n, types.get(n, text), nullable=False) for n in _SAMPLE_FIELDS])


_SAMPLE_FIELDS = tuple(Sample.__dataclass_fields__)
ADDED_FIELDS = ("context", "fact_check", "original", "url")
"""Columns that datasets of earlier releases lack; they read as empty."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box in fractions of the image: ``0 <= left < right <= 1``, ``0 <= top < bottom <= 1``."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Link:
    """Two places that show the same, in fractions of the image: from the source to the copy."""

    source_x: float
    source_y: float
    copy_x: float
    copy_y: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one examination found: a value or verbatim facts, where, or why it does not apply."""

    id: str
    value: float | None = None
    """Larger is more suspicious; None when not applicable, and for facts without a number."""
    regions: tuple[Region, ...] = ()
    heatmap: Heatmap | None = None
    not_applicable: str = ""
    """The reason in a few words, empty when `value` or `facts` are given."""
    links: tuple[Link, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    """Names and values as they stand in the file, untrusted text, in the file's order."""


class Hypothesis(StrEnum):
    """What may have happened to an image; each kind of evidence speaks for one."""

    COPIED = "copied"
    """A part was copied within the image (cloning)."""
    PASTED = "pasted"
    """A part comes from another photograph."""
    GENERATED = "generated"
    """The image was made by a generator."""
    EDITED = "edited"
    """A part was altered, in whatever way."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A measurement with how often an authentic image measures as high, and the sentence."""

    measurement: Measurement
    null_rate: float | None
    """Share of authentic reference images with a value at least as high, 0..1."""
    sentence: str
    title: str = ""
    """What was measured, in a few plain words."""
    suggests: Hypothesis = Hypothesis.EDITED
    surprise: float = 0.0
    """What it counts if it is fused: the log-odds that an authentic image measures lower; 0 where
    nothing was measured."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about one image."""

    label: Label
    score: float
    """Calibrated probability that the image is not authentic, 0..1."""
    probabilities: dict[Label, float]
    needs_review: bool
    log_odds: float = math.nan
    """Of not being authentic, before calibration: the same findings, the same number, whatever a
    platform's images taught a calibration."""
    findings: tuple[Finding, ...] = ()
    rationale: str = ""
    model_version: str = ""
    embedding: tuple[float, ...] = ()
    """Columns of what the model sees in the image (`assay.embedding`); empty where there are none.
    """
    claims: int = 0
    """Claims that the model's rationale made, before those without ground were dropped."""
    grounded_claims: int = 0

    @property
    def grounded_share(self) -> float | None:
        """Share of `claims` that the findings bear out, 0..1; None where none was made."""
        return self.grounded_claims / self.claims if self.claims else None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON types, without heatmaps."""
        return {
            "label": self.label.value,
            "score": self.score,
            "probabilities": {k.value: v for k, v in self.probabilities.items()},
            "needs_review": self.needs_review,
            "findings": [f.sentence for f in self.findings],
            "rationale": self.rationale,
            "grounded_share": self.grounded_share,
            "model_version": self.model_version,
        }
