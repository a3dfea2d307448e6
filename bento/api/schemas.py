"""The shapes of the public contract, as /openapi.json describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from assay.detector import Rationale
from assay.records import Label
from assay.store import HumanLabel
from assay.store.capture import MAX_REACH

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""PostgreSQL keeps no NUL in a text, and nobody writes one."""


class Shape(BaseModel):
    """Closed and frozen, as everything of the contract."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Problem(Shape):
    """The one body of every error."""

    error: str
    """One sentence that names the thing and the remedy."""
    code: str
    """For programs: the kind of error, in snake case."""
    request_id: str
    """Also in the header X-Request-ID and in the server's log."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "error": "not an image (12 bytes beginning with b'hello'); supply a JPEG, PNG, "
                "WEBP, GIF, TIFF or BMP image",
                "code": "unreadable_image",
                "request_id": "01JD2Q4Z8R0000000000000000",
            }
        }
    )


class About(Shape):
    """What a platform may say about an image beside the image."""

    external_id: Text = Field("", max_length=200)
    """The platform's own name of the image."""
    caption: Text = Field("", max_length=5000)
    """Shown to moderators; never checked."""
    post_url: Text = Field("", max_length=2000)
    reach: int = Field(0, ge=0, le=MAX_REACH)
    """How many people are expected to see it; the queue goes by it."""
    rationale: Rationale = Rationale.FLAGGED
    """When reasons are written: never, flagged (not authentic, or for review), always."""
    model_version: Text = Field("", max_length=64)
    """Refuse to answer by any other version."""
    keep_image: bool = True
    """False keeps the verdict and never the image."""


class DetectJson(About):
    """An image as text, or where it is; exactly one of both."""

    image_base64: str | None = None
    url: Text | None = Field(None, max_length=4000)


class Box(Shape):
    """In fractions of the image."""

    left: float
    top: float
    right: float
    bottom: float


class FindingShape(Shape):
    """One measured piece of evidence."""

    id: str
    title: str
    value: float | None
    """Larger is more suspicious; null where it does not apply, and for facts."""
    null_rate: float | None
    """How often an authentic image measures as high."""
    sentence: str
    suggests: str
    """copied, pasted, generated or edited."""
    not_applicable: str
    """Why nothing could be measured; empty where something was."""
    regions: list[Box]
    facts: list[tuple[str, str]]
    """As they stand in the file: untrusted text."""
    surprise: float
    """What it counts in the verdict, as log-odds; 0 for what is only shown."""


class Provenance(Shape):
    """What the file says of itself, and whether its signature holds."""

    state: str
    """``none`` without content credentials."""
    facts: list[tuple[str, str]]


class NoticeShape(Shape):
    """What the platform's users should be told."""

    level: str
    """none, caution or warning; automatic answers stop at caution."""
    reason: str
    language: str
    title: str
    sentence: str
    html_url: str
    """An embeddable label under a signed address that expires."""
    svg_url: str


class DecisionShape(Shape):
    """What people decided."""

    label: HumanLabel
    action: str
    reason_code: str
    decided_at: datetime


class Difference(Shape):
    """One place in which two near-duplicates differ."""

    first: Box
    """In the image of this detection."""
    second: Box
    """In the sibling's."""


class SiblingShape(Shape):
    """A captured near-duplicate, earlier or later, and how it differs."""

    id: str
    kind: str
    """same_content or locally_different."""
    sentence: str
    share: float
    """Of the common area, that shows other content."""
    distance: int
    """Bits of 256 between the perceptual hashes."""
    differences: list[Difference]
    decision: DecisionShape | None
    """What people decided of the sibling; nothing of it is inherited."""


class Detection(Shape):
    """The answer about one image."""

    id: str
    created_at: datetime
    external_id: str
    label: Label
    score: float = Field(ge=0, le=1)
    """Calibrated probability that the image is not authentic."""
    probabilities: dict[Label, float]
    needs_review: bool
    """Whether the score lies in the band that is handed to people."""
    findings: list[FindingShape]
    provenance: Provenance
    context: str
    """What this answer does not cover."""
    rationale: str | None
    notice: NoticeShape
    decision: DecisionShape | None
    answered_from: str | None
    """The first detection of a pixel-equal image, whose answer this repeats."""
    siblings: list[SiblingShape]
    model_version: str
    serving_plan: str | None
    timings: dict[str, float]
    """Milliseconds by stage."""


class BatchItem(Shape):
    """One image of a batch: an answer or a problem."""

    name: str
    """Of the file, or its place in the request."""
    detection: Detection | None = None
    problem: Problem | None = None


class BatchAnswer(Shape):
    """Every image of a batch, in the order in which they were sent."""

    items: list[BatchItem]


class FeedbackIn(Shape):
    """What a person on the platform's side decided."""

    label: HumanLabel
    action: Text = Field("", max_length=40)
    reason_code: Text = Field("", max_length=40)
    note: Text = Field("", max_length=2000)


class Recorded(Shape):
    """The number of a vote, to undo it by."""

    feedback: int


class ReportIn(Shape):
    """What an end user says of an image that they were shown."""

    reporter: Text = Field("", max_length=200)
    """Any stable name of who reports; only its digest is kept."""
    reason: Text = Field("", max_length=100)
    note: Text = Field("", max_length=2000)


class AppealIn(Shape):
    """Why a decision should be taken again, by somebody else."""

    note: Text = Field("", max_length=2000)


class ModelShape(Shape):
    """The model that answers."""

    version: str
    family: str
    review_band: tuple[float, float]
    """Scores between these are handed to people."""
    threshold: float
    """The score from which an image counts as not authentic."""
    serving_plan: str | None
    question: str
    """What the model is asked about every image."""


class Readiness(Shape):
    """Whether verdicts can be given."""

    status: str
    degraded: list[str]
    """What does not work meanwhile, in words."""


Json = dict[str, Any]
Limit = Annotated[int, Field(ge=1, le=200)]
