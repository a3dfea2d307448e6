"""Human labels in bulk, to learn from."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from assay import exports
from assay.store import Scope
from assay.store.labels import as_parquet
from bento.api.auth import Caller, allowed
from bento.api.detections import Here
from bento.api.parameters import name_of

router = APIRouter(prefix="/v1", tags=["exports"])


class Format(StrEnum):
    """How an export is written."""

    PARQUET = exports.PARQUET
    JSONL = exports.JSONL


_WRITERS = {Format.PARQUET: as_parquet, Format.JSONL: exports.as_jsonl}


@router.get(
    "/export",
    summary="All human labels",
    response_class=Response,
    responses={
        200: {
            "content": {
                exports.MEDIA_TYPES[kind]: {"schema": {"type": "string", "format": "binary"}}
                for kind in Format
            }
        }
    },
)
def export(
    here: Here,
    asking: Annotated[Caller, Depends(allowed(Scope.EXPORT))],
    kind: Annotated[Format, Query(alias="format", description="Of the file.")] = Format.JSONL,
) -> StreamingResponse:
    """One row a detection that people decided; machine verdicts stand beside, never instead.

    Streamed as it is read; the export is in the audit log before its first row leaves.
    """
    content = exports.begun(_WRITERS[kind](here.store.labels.rows(name_of(asking))))
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="labels.{kind.value}"',
    }
    return StreamingResponse(content, media_type=exports.MEDIA_TYPES[kind], headers=headers)
