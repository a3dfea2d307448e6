"""Lineage of a detection: what its answer comes from, and which models have seen its image."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse

from assay import lineage
from bento.console.pages import Administering, Here, page

_SHOWN = 50

router = APIRouter(include_in_schema=False)


@router.get("/detections/{capture_id}/lineage")
def get_lineage(
    capture_id: Annotated[str, Path(max_length=64)], here: Here, visitor: Administering
) -> HTMLResponse:
    """For administrators, as it names who labelled."""
    answer = lineage.of_answer(here.store, capture_id)
    made_of = answer.made_of
    captures = made_of.captures if made_of else ()
    return page(
        here,
        visitor,
        "lineage.html",
        answer=answer,
        made_of=made_of,
        images=len({one.image_id for one in captures}),
        newest=captures[: -_SHOWN - 1 : -1],
        seen_by=lineage.of_capture(here.store, capture_id),
    )
