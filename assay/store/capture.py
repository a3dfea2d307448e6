"""A capture: one served request, as it is spooled, stored and read back."""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue

from assay import selection
from assay.records import Label
from assay.store.columns import storable, utc_now
from assay.store.ids import new_id

MAX_REACH = 2**53
"""Beyond it JSON readers round."""


Text = Annotated[str, AfterValidator(storable)]


class Notice(StrEnum):
    """What a platform's users are told."""

    NONE = "none"
    CAUTION = "caution"
    WARNING = "warning"


class Selection(StrEnum):
    """Why a capture is put before people."""

    NONE = "none"
    NEEDS_REVIEW = "needs_review"
    AUDIT = "audit"


class Sibling(BaseModel):
    """A near-duplicate that was served before, and what the comparison of the two found."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: str
    """Its capture."""
    kind: Text
    """A `siblings.Kinship`."""
    sentence: Text
    share: float = Field(0.0, ge=0, le=1)
    """Of the common area, that shows other content."""
    distance: int = 0
    """Bits between the PDQ hashes."""
    differences: list[dict[str, JsonValue]] = []
    """Boxes where content differs: ``first`` in the capture that lists this, ``second`` in it."""


class Known(BaseModel):
    """A fact-check in which the picture was seen, as it was shown (`assay.known_images`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    id: int
    """In the bank."""
    image_id: Text
    fact_check_url: Text
    title: Text
    review_date: Text
    average_distance: int
    """Bits of 64 between the average hashes."""
    phash_distance: int
    """Bits of 64 between the phashes."""
    has_image: bool
    """Whether the bank held the image, to be compared with."""


class Rescored(BaseModel):
    """What is said of an image after something harmless happened to it."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    label: Label
    score: float = Field(ge=0, le=1)


class Capture(BaseModel):
    """One served request: who asked, which image, what was answered, and how it was drawn."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, from_attributes=True
    )

    id: str = Field(default_factory=new_id)
    created_at: datetime = Field(default_factory=utc_now)
    client: Text = ""
    external_id: Text = ""
    caption: Text = ""
    post_url: Text = ""
    reach: int = Field(0, ge=0, le=MAX_REACH)
    """People whom the platform expects to see the image."""
    image_digest: str = ""
    """SHA-256 of the bytes as received, hex."""
    pixel_digest: str
    """SHA-256 of size and decoded RGB pixels, hex: equal for pixel-equal images only."""
    pdq: str = ""
    """The PDQ hash, hex; empty where the image is too flat for one."""
    media_type: str = ""
    width: int = 0
    height: int = 0
    keep_image: bool = True
    """False where the client opted out: the row stays, the image is never written."""
    label: Label
    score: float = Field(ge=0, le=1)
    probabilities: dict[str, float]
    log_odds: float | None = None
    """Of not being authentic, before calibration: what a case file derives the verdict from."""
    stratum: Text = ""
    """Of the image (`assay.strata`), whose threshold applied."""
    needs_review: bool
    findings: list[dict[str, JsonValue]] = []
    """As served."""
    provenance: dict[str, JsonValue] = {}
    context: Text = ""
    rationale: Text = ""
    is_reasoned: bool = False
    """Whether reasons were asked for; they may be empty, as what has no ground is dropped."""
    notice: Notice = Notice.NONE
    notice_reason: Text = ""
    """Which rule of `assay.notices` spoke."""
    model_version: str
    serving_plan: str | None = None
    latency_ms: float = 0.0
    timings: dict[str, float] = {}
    """Milliseconds by stage."""
    descriptors: dict[str, float] = {}
    """Of the image, by `assay.descriptors.NAMES`; empty where nobody measured them."""
    embedding: list[float] = []
    """Columns of the model's representation (`assay.embedding`); empty where there is none."""
    stability: dict[str, Rescored] | None = None
    """By perturbation (`assay.stability.NAMES`); None where it was not checked."""
    answered_from: str | None = None
    """The capture of a pixel-equal image whose answer this repeats."""
    siblings: list[Sibling] = []
    """Known when this was served; `Captures.siblings` knows those that came later too."""
    known_images: list[Known] = []
    """Fact-checks in which the picture was seen, as known when this was served; no verdict."""
    selection_reason: Selection = Selection.NONE
    selection_probability: float = Field(0.0, ge=0, le=1)
    """Of being put before people, for whatever reason: the weight of an estimate is its inverse.

    Given whether its stability was checked, which is drawn apart from audits: a flip is certain to
    be seen where it was looked for, and as likely as an audit where it was not. Weighted so, both
    together count each image once (docs/decisions/0080-capture.md).
    """
    is_audit: bool = False
    """Drawn at random, whatever the verdict, which stays hidden until the vote."""
    audit_probability: float = Field(0.0, ge=0, le=1)
    """The share that was drawn when this was served."""
    deleted_at: datetime | None = None

    @property
    def is_stable(self) -> bool | None:
        """Whether each re-scoring says the label again; None where stability was not checked."""
        if self.stability is None:
            return None
        return all(one.label is self.label for one in self.stability.values())

    def drawn(self, audit_share: float, review_share: float = 1.0) -> Capture:
        """This capture with its selection; the same identifier is always drawn alike.

        The draw looks at nothing but the identifier, so that audits estimate all traffic. One draw
        is for both: an audit is also among those that call for review and are chosen.
        """
        fraction = _fraction(self.id)
        is_audit = fraction < audit_share
        chosen = self.needs_review and fraction < review_share
        reason = Selection.NEEDS_REVIEW if chosen else Selection.NONE
        return self.model_copy(
            update={
                "selection_reason": Selection.AUDIT if is_audit else reason,
                "selection_probability": selection.chance(
                    self.needs_review, audit_share, review_share
                ),
                "is_audit": is_audit,
                "audit_probability": audit_share,
            }
        )


def _fraction(text: str) -> float:
    """A number in 0..1 that ``text`` determines and nothing else predicts."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64
