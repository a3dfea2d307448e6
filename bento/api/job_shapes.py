"""The shapes of batches and jobs: many images in one request."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import ConfigDict, Field

from assay.store import JobState
from assay.store.ids import FORM
from bento.api import examples
from bento.api.schemas import AboutImage, Detection, Options, Problem, Shape, Text

ARCHIVE, URLS = "archive", "urls"
"""The kinds of jobs, as the store names them."""
FORMATS = ("parquet", "csv", "jsonl")
ID_PATTERN = f"^{FORM}$"
EXAMPLE_ID = "0193a3c5-7a01-7c3e-9b1f-2f6f0a4d5e6b"

JobId = Annotated[
    str,
    Path(description="Of a job.", pattern=ID_PATTERN, max_length=36, examples=[EXAMPLE_ID]),
]


class BatchJsonItem(AboutImage):
    """An image of a batch as text, or where it is; exactly one of both."""

    image_base64: str | None = None
    """The bytes of the file; a data URI will do."""
    url: Text | None = Field(None, max_length=4000)
    """Of http or https, on the public internet."""


class BatchJson(Options):
    """A batch as JSON."""

    items: list[BatchJsonItem] = Field(min_length=1)

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [{"url": "https://example.org/photo.jpg", "external_id": "post-42"}],
                "rationale": "never",
            }
        }
    )


class BatchItem(Shape):
    """One image of a batch: an answer or a problem."""

    name: str
    """Of the file, or its place in the request."""
    detection: Detection | None = None
    """Null where there is a problem."""
    problem: Problem | None = None
    """Null where there is a detection."""


class BatchAnswer(Shape):
    """Every image of a batch, in the order in which they were sent."""

    items: list[BatchItem]
    """One for each image."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {"name": "photo.jpg", "detection": examples.DETECTION, "problem": None},
                    {"name": "notes.txt", "detection": None, "problem": examples.PROBLEM},
                ]
            }
        }
    )


class JobLine(AboutImage):
    """One line of a job that is sent as JSON lines."""

    url: Text = Field(min_length=1, max_length=4000)
    """Of http or https, on the public internet."""


class JobJson(Options):
    """A job as JSON."""

    urls: list[Annotated[Text, Field(min_length=1, max_length=4000)]] = Field(min_length=1)

    model_config = ConfigDict(
        json_schema_extra={"example": {"urls": ["https://example.org/photo.jpg"]}}
    )


class JobLinks(Shape):
    """Where a job and its results are."""

    self: str
    """Its progress."""
    parquet: str
    """Its result, as Parquet."""
    csv: str
    """As CSV."""
    jsonl: str
    """As JSON lines."""


_JOB: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "state": "pending",
    "total": 5000,
    "done": 1190,
    "failed": 10,
    "rate": 12.0,
    "eta_seconds": 316.7,
    "error": "",
    "created_at": "2026-11-20T09:00:00Z",
    "began_at": "2026-11-20T09:00:02Z",
    "updated_at": "2026-11-20T09:01:42Z",
    "links": {
        "self": f"/v1/jobs/{EXAMPLE_ID}",
        **{kind: f"/v1/jobs/{EXAMPLE_ID}/result?format={kind}" for kind in FORMATS},
    },
}


class JobShape(Shape):
    """A job, and how far it has come."""

    id: str
    """By which it is asked for."""
    state: JobState
    """pending until all images have a result; failed where it had to be given up."""
    total: int = Field(ge=0)
    """Images."""
    done: int = Field(ge=0)
    """Images with a verdict."""
    failed: int = Field(ge=0)
    """Images without a verdict; the result says why."""
    rate: float | None
    """Images a second since it was begun; null before the first."""
    eta_seconds: float | None
    """Until it is done at this rate; null where that cannot be told."""
    error: str
    """Why the job as a whole ended before its time."""
    created_at: datetime
    """When it was taken."""
    began_at: datetime | None
    """When its first image was begun; null before."""
    updated_at: datetime
    """When it came on last."""
    links: JobLinks
    """Where it is, and its results."""

    model_config = ConfigDict(json_schema_extra={"example": _JOB})


class JobPage(Shape):
    """Jobs, newest first."""

    jobs: list[JobShape]
    """Up to `limit` of them."""
    next: str | None
    """What ``before`` has to be for the jobs that follow; null after the last."""

    model_config = ConfigDict(json_schema_extra={"example": {"jobs": [_JOB], "next": None}})
