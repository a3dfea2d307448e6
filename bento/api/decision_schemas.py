"""The shapes of what people decide, report and review."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from assay.store import HumanLabel
from bento.api import examples
from bento.api.schemas import Detection, Shape


class FeedbackIn(Shape):
    """What a person on the platform's side decided."""

    label: HumanLabel
    """What they take the image for; `unsure` decides nothing."""
    action: str = Field("", max_length=40)
    """One of the configured actions, or none."""
    reason_code: str = Field("", max_length=40)
    """One of the configured reason codes, or none."""
    note: str = Field("", max_length=2000)
    """For colleagues: it enters no case file."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "label": "manipulated",
                "action": "label",
                "reason_code": "misleading_edit",
                "note": "The sky is from another photograph.",
            }
        }
    )


class Recorded(Shape):
    """The number of a vote, to take it back by."""

    feedback: int
    """For DELETE /v1/feedback/{number}."""

    model_config = ConfigDict(json_schema_extra={"example": {"feedback": 41}})


class ReportIn(Shape):
    """What an end user says of an image that they were shown."""

    reporter: str = Field("", max_length=200)
    """Any stable name of who reports; only its digest is kept."""
    reason: str = Field("", max_length=100)
    """In the platform's words."""
    note: str = Field("", max_length=2000)
    """In the user's."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"reporter": "user-7", "reason": "fake", "note": "That is not my street."}
        }
    )


class AppealIn(Shape):
    """Why a decision should be taken again, by somebody else."""

    note: str = Field("", max_length=2000)
    """For whoever decides it."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"note": "The original is on our site since 2019."}}
    )


class DecisionIn(FeedbackIn):
    """A moderator's vote on the case that they hold."""

    seconds: float | None = Field(None, ge=0, le=86_400)
    """From seeing the case to the vote."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "label": "manipulated",
                "action": "label",
                "reason_code": "misleading_edit",
                "note": "The crowd on the left stands there twice.",
                "seconds": 8.5,
            }
        }
    )


class DecisionEntry(Shape):
    """One entry of a history: a vote, or that one was taken back."""

    feedback: int
    """The number of the vote."""
    by: str
    """A role and a number within this history; names stay inside."""
    at: datetime
    """When it was written."""
    label: HumanLabel | None
    """Null where this takes back the vote `undoes`."""
    action: str
    """What the platform was to do; empty for none."""
    reason_code: str
    """Why; empty for none."""
    note: str
    """For colleagues: it enters no case file."""
    is_blind: bool
    """Whether the verdict was hidden until the vote."""
    undoes: int | None
    """The number of the vote that this takes back."""


class History(Shape):
    """What people decided about an image, oldest first."""

    decisions: list[DecisionEntry]
    """Votes, and what took them back."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "decisions": [
                    {
                        "feedback": 41,
                        "by": "moderator 1",
                        "at": "2026-05-01T10:05:00Z",
                        "label": "manipulated",
                        "action": "label",
                        "reason_code": "misleading_edit",
                        "note": "",
                        "is_blind": False,
                        "undoes": None,
                    }
                ]
            }
        }
    )


class Upload(Shape):
    """One upload of the image that a case is about."""

    id: str
    """Of its detection."""
    created_at: datetime
    """When it was answered."""
    external_id: str
    """As its platform sent it."""
    caption: str
    """As it was posted; untrusted text."""
    post_url: str
    """Where it was posted; untrusted text."""
    reach: int
    """How many people are expected to see it."""
    image_url: str | None
    """Null where the image was not kept."""


class ReviewCase(Shape):
    """A case that the caller holds until `held_until`."""

    id: str
    """By which it is decided, released or skipped."""
    reason: str
    """Why it is here: needs_review, audit, report, appeal, feedback, undone or conflict."""
    is_audit: bool
    """Drawn at random to measure agreement: the verdict is hidden until the vote."""
    uploads: list[Upload]
    """The newest pixel-equal uploads, which are decided together, newest first."""
    size: int
    """All of them."""
    reach: int
    """Of all uploads together."""
    reports: int
    """By end users, since it was opened."""
    appeals: int
    """Against earlier decisions."""
    held_until: datetime
    """When the lease ends."""
    detection: Detection | None
    """The answer about the newest upload; null on an audit."""

    model_config = ConfigDict(json_schema_extra={"example": examples.REVIEW_CASE})
