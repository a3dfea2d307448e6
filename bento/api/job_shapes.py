"""The shapes of batches and jobs: many images in one request."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import ConfigDict, Field

from assay.detector import Rationale
from assay.store import JobState
from assay.store.capture import MAX_REACH
from bento.api.schemas import Shape

ARCHIVE, URLS = "archive", "urls"
"""The kinds of jobs, as the store names them."""
FORMATS = ("parquet", "csv", "jsonl")
ID_PATTERN = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
EXAMPLE_ID = "0193a3c5-7a01-7c3e-9b1f-2f6f0a4d5e6b"
"""Of the form of `assay.store.ids`."""

JobId = Annotated[str, Path(pattern=ID_PATTERN, max_length=36, examples=[EXAMPLE_ID])]


class JobOptions(Shape):
    """What holds for all images of a batch or a job."""

    rationale: Rationale = Rationale.FLAGGED
    """When reasons are written: never, flagged (not authentic, or for review), always."""
    model_version: str = Field("", max_length=64)
    """Refuse to answer by any other version."""
    keep_image: bool = True
    """False keeps the verdicts and never the images."""


class AboutOne(Shape):
    """What a platform may say about one image of many."""

    external_id: str = Field("", max_length=200)
    """The platform's own name of the image."""
    caption: str = Field("", max_length=5000)
    post_url: str = Field("", max_length=2000)
    reach: int = Field(0, ge=0, le=MAX_REACH)


class BatchJsonItem(AboutOne):
    """An image of a batch as text, or where it is; exactly one of both."""

    image_base64: str | None = None
    url: str | None = Field(None, max_length=4000)


class BatchJson(JobOptions):
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


class JobLine(AboutOne):
    """One line of a job that is sent as JSON lines."""

    url: str = Field(min_length=1, max_length=4000)


class JobJson(JobOptions):
    """A job as JSON."""

    urls: list[Annotated[str, Field(min_length=1, max_length=4000)]] = Field(min_length=1)

    model_config = ConfigDict(
        json_schema_extra={"example": {"urls": ["https://example.org/photo.jpg"]}}
    )


class JobLinks(Shape):
    """Where a job and its results are."""

    self: str
    parquet: str
    csv: str
    jsonl: str


class JobShape(Shape):
    """A job, and how far it has come."""

    id: str
    state: JobState
    """pending until all images have a result; failed where it had to be given up."""
    total: int = Field(ge=0)
    done: int = Field(ge=0)
    failed: int = Field(ge=0)
    """Images without a verdict; the result says why."""
    rate: float | None
    """Images a second since it was begun; null before the first."""
    eta_seconds: float | None
    """Until it is done at this rate; null where that cannot be told."""
    error: str
    """Why the job as a whole ended before its time."""
    created_at: datetime
    began_at: datetime | None
    updated_at: datetime
    links: JobLinks

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
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
        }
    )


class JobPage(Shape):
    """Jobs, newest first."""

    jobs: list[JobShape]
    next: str | None
    """What ``before`` has to be for the jobs that follow; null after the last."""
