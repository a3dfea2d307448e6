"""Human labels in bulk, to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse

from assay.store import Scope
from assay.store.labels import as_jsonl, as_parquet
from bento.api.auth import Caller, allowed
from bento.api.detections import Here
from bento.api.parameters import name_of

router = APIRouter(prefix="/v1", tags=["exports"])


class Format(StrEnum):
    """How an export is written."""

    PARQUET = "parquet"
    JSONL = "jsonl"


_WRITERS = {Format.PARQUET: as_parquet, Format.JSONL: as_jsonl}
_MEDIA_TYPES = {
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.JSONL: "application/x-ndjson",
}


@router.get(
    "/export",
    summary="All human labels",
    response_class=Response,
    responses={
        200: {
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in _MEDIA_TYPES.values()
            }
        }
    },
)
def export(
    here: Here,
    asking: Annotated[Caller, Depends(allowed(Scope.EXPORT))],
    kind: Annotated[Format, Query(alias="format")] = Format.JSONL,
) -> StreamingResponse:
    """One row a detection that people decided; machine verdicts stand beside, never instead.

    Streamed as it is read; the export is in the audit log before its first row leaves.
    """
    content = _begun(_WRITERS[kind](here.store.labels.rows(name_of(asking))))
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="labels.{kind.value}"',
    }
    return StreamingResponse(content, media_type=_MEDIA_TYPES[kind], headers=headers)


def _begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """``chunks`` with the first one made: what fails at once is an error, no torn answer."""
    return chain([next(chunks, b"")], chunks)
