"""Where models come from and which saw an image, as tables drawn in a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType

from assay.lineage import Answered, MadeOf, SeenBy
from assay.reports.terminal import table_of

_SHOWN = 20


def seen_by(found: SeenBy) -> Iterator[RenderableType]:
    """One line a model that saw the image."""
    if not found.datasets:
        yield f"no dataset holds capture {found.capture_id} or the same bytes"
        return
    yield f"in the datasets {', '.join(found.datasets)}"
    table = table_of("model", "version", "datasets", "noted (UTC)", "mark")
    for model in found.models:
        is_marked = found.capture_id in {mark.capture_id for mark in model.marks}
        table.add_row(
            model.model_version,
            model.version,
            ", ".join(model.datasets),
            f"{model.created_at:%Y-%m-%d %H:%M}",
            "deleted since" if is_marked else "",
        )
    yield table


def made_of(found: MadeOf) -> Iterator[RenderableType]:
    """The model, its labellers, and the newest of its captures."""
    model, images = found.model, {one.image_id for one in found.captures}
    table = table_of("model", model.model_version)
    table.add_row("version", model.version)
    table.add_row("datasets", ", ".join(model.datasets))
    table.add_row("continues", ", ".join(found.ancestors) or model.parent)
    table.add_row("made with", f"{len(images):,} images of {len(found.captures):,} captures")
    table.add_row("deleted since", ", ".join(mark.capture_id for mark in model.marks))
    yield table
    labellers = table_of("labelled by", "images")
    for who, count in found.labellers.items():
        labellers.add_row(who, f"{count:,}")
    yield labellers
    captures = table_of("capture", "label", "labelled by", "split")
    for one in found.captures[-_SHOWN:]:
        captures.add_row(one.capture_id, one.label, ", ".join(one.labellers), one.split)
    yield captures
    if len(found.captures) > _SHOWN:
        yield f"{len(found.captures) - _SHOWN:,} older ones in --json"


def answered(found: Answered) -> Iterator[RenderableType]:
    """The model that answered, and what it was made of."""
    yield f"capture {found.capture_id} was answered by model {found.model_version}"
    if found.made_of is None:
        yield "which was made with no captures that are noted"
    else:
        yield from made_of(found.made_of)
