"""Asking for thousands of verdicts: send the images, watch the progress, fetch the result."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import anyio.to_thread
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError

from assay import exports
from assay.errors import NotStored
from assay.store import Job, JobState, Scope
from assay.store.ids import new_id
from bento import job_files, job_results
from bento.api import bodies, descriptions, submissions
from bento.api.auth import Caller, allowed
from bento.api.detections import Here
from bento.api.job_shapes import (
    ARCHIVE,
    FORMATS,
    ID_PATTERN,
    URLS,
    JobId,
    JobJson,
    JobLine,
    JobLinks,
    JobPage,
    JobShape,
)
from bento.api.parameters import Reader
from bento.api.schemas import Options
from bento.refusals import InvalidRequest, NotEndedYet, TooManyImages
from bento.runtime import Runtime

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])

_LINES = ("application/x-ndjson", "application/jsonl")
JOB_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": descriptions.form_schema(Options, {"type": "string", "format": "binary"})
            },
            "application/json": {"schema": descriptions.schema(JobJson)},
            _LINES[0]: {
                "schema": {"type": "string"},
                "example": '{"url": "https://example.org/photo.jpg", "external_id": "post-42"}\n',
            },
        },
    },
    "parameters": [
        {"name": name, "in": "query", "description": "For JSON lines.", "schema": described}
        for name, described in descriptions.schema(Options)["properties"].items()
    ],
}
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {exports.MEDIA_TYPES[kind]: {} for kind in FORMATS}}
}

Detecting = Annotated[Caller, Depends(allowed(Scope.DETECT))]


@router.post("", summary="Begin a job", status_code=202, openapi_extra=JOB_BODY)
async def begin_job(
    request: Request, response: Response, here: Here, asking: Detecting
) -> JobShape:
    """Judge up to 10,000 images (unless set otherwise) in the background.

    They come as a zip (form field `file`), as JSON `{"urls": [...]}`, or as JSON lines of `url`,
    `external_id`, `caption`, `post_url` and `reach` (options then in the query). A zip is unpacked
    once before it is taken: with one suspicious member it is refused as a whole.
    """
    kind = submissions.content_type(request)
    if kind == "multipart/form-data":
        job = await _from_archive(request, here, asking)
    elif kind == "application/json":
        asked = submissions.validated(JobJson, await bodies.json_of(request))
        job = await _create(here, asking, asked, [JobLine(url=url) for url in asked.urls])
    elif kind in _LINES:
        options = submissions.validated(Options, dict(request.query_params))
        lines = await asyncio.to_thread(_lines, await bodies.body_of(request))
        job = await _create(here, asking, options, lines)
    else:
        raise InvalidRequest(
            f"content type {kind[:80]!r} is not taken; send a zip as multipart/form-data in the "
            "field `file`, JSON with `urls`, or JSON lines"
        )
    response.headers["Location"] = _links(job).self
    return shape(job)


@router.get("", summary="Own jobs, newest first")
def list_jobs(
    here: Here,
    asking: Reader,
    limit: Annotated[int, Query(description="Jobs to list.", ge=1, le=200)] = 50,
    before: Annotated[
        str | None,
        Query(description="`next` of the page before.", pattern=ID_PATTERN, max_length=36),
    ] = None,
) -> JobPage:
    """The jobs of whoever asks."""
    found = here.store.jobs.page(asking.client, before or "", limit)
    following = found[-1].id if len(found) == limit else None
    return JobPage(jobs=[shape(job) for job in found], next=following)


@router.get("/{job_id}", summary="The progress of a job")
def get_job(job_id: JobId, here: Here, asking: Reader) -> JobShape:
    """How far a job has come; those of other clients are not there."""
    return shape(_own(here, asking, job_id))


@router.delete("/{job_id}", summary="Cancel a job")
def cancel_job(job_id: JobId, here: Here, asking: Detecting) -> JobShape:
    """End a job; what it has found so far stays. One that has ended already stays as it is."""
    job = _own(here, asking, job_id)
    here.store.jobs.end(job.id, JobState.CANCELLED)
    job_files.remove(here.store, job.id)
    return shape(here.store.jobs.get(job.id))


@router.get(
    "/{job_id}/result",
    summary="The result of a job",
    response_class=StreamingResponse,
    responses=_FILES,
)
def get_result(
    job_id: JobId,
    here: Here,
    asking: Reader,
    form: Annotated[
        Literal["parquet", "csv", "jsonl"], Query(alias="format", description="Of the table.")
    ] = "jsonl",
    partial: Annotated[bool, Query(description="Do not wait for the end of the job.")] = False,
) -> StreamingResponse:
    """One row an image, in the order in which they were sent; 409 until the job has ended.

    With `partial`, what there is so far. In CSV a cell that a spreadsheet would take for a formula
    begins with an apostrophe.
    """
    job = _own(here, asking, job_id)
    if job.state is JobState.PENDING and not partial:
        left = job.total - job.done - job.failed
        raise NotEndedYet(f"{left:,} images are left to do; come back later, or add ?partial=1")
    headers = {"Content-Disposition": f'attachment; filename="job-{job.id}.{form}"'}
    content = exports.begun(job_results.WRITERS[form](job_results.rows(here.store, job)))
    return StreamingResponse(content, media_type=exports.MEDIA_TYPES[form], headers=headers)


async def _from_archive(request: Request, here: Runtime, asking: Caller) -> Job:
    async with bodies.form_with_files(request, 1) as (texts, files):
        options = submissions.validated(Options, texts)
        submissions.require_version(here, options.model_version)
        archive = files[0].file
        names = await anyio.to_thread.run_sync(job_files.check, archive, here.settings.max_job)
        job_id = new_id()
        await anyio.to_thread.run_sync(job_files.keep, here.store, job_id, archive)
    return await asyncio.to_thread(
        here.store.jobs.create,
        asking.client,
        ARCHIVE,
        names,
        _kept(options),
        job_id,
    )


async def _create(here: Runtime, asking: Caller, options: Options, lines: Sequence[JobLine]) -> Job:
    if len(lines) > here.settings.max_job:
        raise TooManyImages(f"over {here.settings.max_job:,} images in one job; make several")
    submissions.require_version(here, options.model_version)
    sources = [line.model_dump_json(exclude_defaults=True) for line in lines]
    create = here.store.jobs.create
    return await asyncio.to_thread(create, asking.client, URLS, sources, _kept(options))


def _lines(body: bytes) -> list[JobLine]:
    """The lines of a body; raises `InvalidRequest` that names the first wrong one."""
    found = []
    for number, line in enumerate(body.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(JobLine.model_validate_json(line))
        except ValidationError as error:
            raise InvalidRequest(f"line {number}: {error.errors()[0]['msg']}") from error
    if not found:
        raise InvalidRequest("the body holds no lines; send one JSON object with `url` a line")
    return found


def _kept(options: Options) -> dict[str, object]:
    """As releases before the option `stability` write them, which may take the job up."""
    known = set(Options.model_fields) - (set() if options.stability else {"stability"})
    return options.model_dump(mode="json", include=known)


def _own(here: Runtime, asking: Caller, job_id: str) -> Job:
    """A job of whoever asks; that of another client is as unknown as one that never was."""
    job = here.store.jobs.get(job_id)
    if job.client != asking.client:
        raise NotStored(f"no job {job_id!r}")
    return job


def shape(job: Job) -> JobShape:
    """A job in the words of the contract, with what its counts say about the rest."""
    rate, left = _rate(job), job.total - job.done - job.failed
    is_going_on = job.state is JobState.PENDING and rate
    return JobShape(
        id=job.id,
        state=job.state,
        total=job.total,
        done=job.done,
        failed=job.failed,
        rate=rate,
        eta_seconds=round(left / rate, 1) if is_going_on and rate else None,
        error=job.error,
        created_at=job.created_at,
        began_at=job.began_at,
        updated_at=job.updated_at,
        links=_links(job),
    )


def _rate(job: Job) -> float | None:
    """Images a second between the first worker and the last result."""
    ended = job.done + job.failed
    if job.began_at is None or not ended:
        return None
    seconds = (job.updated_at - job.began_at).total_seconds()
    return round(ended / seconds, 3) if seconds > 0 else None


def _links(job: Job) -> JobLinks:
    itself = f"/v1/jobs/{job.id}"
    results = {kind: f"{itself}/result?format={kind}" for kind in FORMATS}
    return JobLinks(self=itself, **results)
