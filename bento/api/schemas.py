"""The shapes of the public contract, as /openapi.json describes them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from assay.detector import Rationale
from assay.records import Label
from assay.store import HumanLabel
from assay.store.capture import MAX_REACH
from bento.api import examples

Text = Annotated[str, Field(pattern=r"^[^\x00]*$")]
"""PostgreSQL keeps no NUL in a text, and nobody writes one."""


class Shape(BaseModel):
    """Closed and frozen, as everything of the contract, which quotes the docstrings of fields."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )


class Problem(Shape):
    """The one body of every error."""

    error: str
    """One sentence that names the thing and the remedy."""
    code: str
    """For programs: the kind of error, in snake case."""
    request_id: str
    """Also in the header X-Request-ID and in the server's log."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PROBLEM})


class AboutImage(Shape):
    """What a platform may say about one image beside the image."""

    external_id: Text = Field("", max_length=200)
    """The platform's own name of the image."""
    caption: Text = Field("", max_length=5000)
    """Shown to moderators; never checked."""
    post_url: Text = Field("", max_length=2000)
    """Where the image was posted; shown to moderators, never fetched."""
    reach: int = Field(0, ge=0, le=MAX_REACH)
    """How many people are expected to see it; the queue goes by it."""


class Options(Shape):
    """How images are to be answered: one, or all of a batch or a job."""

    rationale: Rationale = Rationale.FLAGGED
    """When reasons are written: never, flagged (not authentic, or for review), always."""
    model_version: Text = Field("", max_length=64)
    """Refuse to answer by any other version."""
    keep_image: bool = True
    """False keeps the verdict and never the image."""
    stability: bool = False
    """Score the image again recompressed, at half its size and as a screenshot; takes longer."""


class About(Options, AboutImage):
    """All that may be said about a single image and its answer."""


class DetectJson(About):
    """An image as text, or where it is; exactly one of both."""

    image_base64: str | None = None
    """The bytes of the file; a data URI will do."""
    url: Text | None = Field(None, max_length=4000)
    """Of http or https, on the public internet."""


class Box(Shape):
    """In fractions of the image."""

    left: float
    """From 0 at the left edge to 1 at the right."""
    top: float
    """From 0 at the upper edge to 1 at the lower."""
    right: float
    """As `left`."""
    bottom: float
    """As `top`."""


class FindingShape(Shape):
    """One measured piece of evidence."""

    id: str
    """Of the kind of evidence."""
    title: str
    """Its name, for people."""
    value: float | None
    """Larger is more suspicious; null where it does not apply, and for facts."""
    null_rate: float | None
    """How often an authentic image measures as high."""
    sentence: str
    """What was found, for people."""
    suggests: str
    """copied, pasted, generated or edited."""
    not_applicable: str
    """Why nothing could be measured; empty where something was."""
    regions: list[Box]
    """Where; empty for the image as a whole."""
    facts: list[tuple[str, str]]
    """As they stand in the file: untrusted text."""
    surprise: float
    """What it counts in the verdict, as log-odds; 0 for what is only shown."""


class Provenance(Shape):
    """What the file says of itself, and whether its signature holds."""

    state: str
    """``none`` without content credentials."""
    facts: list[tuple[str, str]]
    """Names and values as they stand in the file: untrusted text."""


class NoticeShape(Shape):
    """What the platform's users should be told."""

    level: str
    """none, caution or warning; automatic answers stop at caution."""
    reason: str
    """For programs: what the level rests on."""
    language: str
    """Of title and sentence."""
    title: str
    """A few words."""
    sentence: str
    """One plain sentence."""
    html_url: str
    """An embeddable label under a signed address that expires."""
    svg_url: str
    """The same as a picture."""


class DecisionShape(Shape):
    """What people decided."""

    label: HumanLabel
    """What people take the image for."""
    action: str
    """What the platform is to do; empty for none."""
    reason_code: str
    """Why; empty for none."""
    decided_at: datetime
    """When the vote that counts was given."""


class Difference(Shape):
    """One place in which two near-duplicates differ."""

    first: Box
    """In the image of this detection."""
    second: Box
    """In the sibling's."""


class SiblingShape(Shape):
    """A captured near-duplicate, earlier or later, and how it differs."""

    id: str
    """Of its detection."""
    kind: str
    """same_content or locally_different."""
    sentence: str
    """What differs, for people."""
    share: float
    """Of the common area, that shows other content."""
    distance: int
    """Bits of 256 between the perceptual hashes."""
    differences: list[Difference]
    """The places; empty where only the whole was changed."""
    decision: DecisionShape | None
    """What people decided of the sibling; nothing of it is inherited."""


class KnownImageShape(Shape):
    """A fact-check in which the picture was seen: where it was met before, and no verdict."""

    id: int
    """Of the entry in the bank of known images."""
    image_id: str
    """Of the image, as its publisher names it."""
    fact_check_url: str
    """The fact-check: untrusted, link it only if it is of http or https."""
    title: str
    """Of the fact-check: untrusted text."""
    review_date: str
    """When it was published, ISO 8601; empty where unknown."""
    average_distance: int
    """Bits of 64 between the average hashes."""
    phash_distance: int
    """Bits of 64 between the phashes."""
    has_image: bool
    """Whether the bank holds the image, so that both can be seen side by side."""


class RescoringShape(Shape):
    """What the image is called after a harmless change."""

    perturbation: str
    """What was done: jpeg 70 (recompressed), resize 0.5 (halved), screenshot jpeg."""
    label: Label
    """The likeliest of three, then."""
    score: float = Field(ge=0, le=1)
    """As of the image itself."""


class StabilityShape(Shape):
    """Whether the label holds where the image is shared again."""

    is_stable: bool
    """Whether each rescoring gives the same label; where not, people are asked."""
    rescored: list[RescoringShape]
    """One a change, in a fixed order."""


class Detection(Shape):
    """The answer about one image."""

    id: str
    """By which everything else about it is asked for."""
    created_at: datetime
    """When it was answered."""
    external_id: str
    """As its platform sent it."""
    label: Label
    """The likeliest of three."""
    score: float = Field(ge=0, le=1)
    """Calibrated probability that the image is not authentic."""
    probabilities: dict[Label, float]
    """Calibrated, by label; they sum to 1."""
    needs_review: bool
    """Whether it is handed to people: for its score, what siblings differ in, or a label that does
    not hold."""
    stability: StabilityShape | None
    """Null where it was not checked: nobody asked, or the image has over 8 million pixels."""
    findings: list[FindingShape]
    """What was measured, in the order of the ledger."""
    provenance: Provenance
    """What the file says of itself."""
    context: str
    """What this answer does not cover."""
    rationale: str | None
    """The reasons, each borne out by the findings; null where none were asked for."""
    notice: NoticeShape
    """What users are to be told now."""
    decision: DecisionShape | None
    """What people decided of these pixels; null before."""
    answered_from: str | None
    """The first detection of a pixel-equal image, whose answer this repeats."""
    siblings: list[SiblingShape]
    """Near-duplicates, of which nothing is inherited."""
    known_images: list[KnownImageShape]
    """Fact-checks in which the picture was seen; label, score and notice do not know of them."""
    model_version: str
    """Which model answered."""
    serving_plan: str | None
    """How that model was run; null for as it was trained."""
    timings: dict[str, float]
    """Milliseconds by stage."""

    model_config = ConfigDict(json_schema_extra={"example": examples.DETECTION})


class Readiness(Shape):
    """Whether verdicts can be given."""

    status: str
    """ready, or warming up."""
    degraded: list[str]
    """What does not work meanwhile, in words."""

    model_config = ConfigDict(json_schema_extra={"example": {"status": "ready", "degraded": []}})
