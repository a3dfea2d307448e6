"""What a dataset holds, one row an image: the table that validation and the shortcut probes judge.

Every image is decoded once and encoded once; a row that cannot be decoded is a value with its
reason, and what the builder had to leave out is there too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import images
from assay.baseline import FEATURES, container_features
from assay.dataset import Dataset
from assay.duplicates import pixel_digest
from assay.engines import Engine, running
from assay.errors import DataError, SchemaViolation
from assay.progress import Progress
from assay.records import Photo, sample_schema
from assay.sample_shards import opened

if TYPE_CHECKING:
    import pandas as pd

RAW, NORMALISED = "raw", "normalised"
"""Prefixes of the container's features: of the file as it is, and after the bias control."""
STORED = ("image_id", "label", "manipulation", "split", "group", "dataset", "source", "licence")
"""Columns that are copied from the dataset."""
MEASURED = (
    "width",
    "height",
    "bytes",
    "format",
    "digest",
    "has_mask",
    "mask_width",
    "mask_height",
    "mask_share",
    "error",
)
"""Columns that are read from the bytes; missing where these cannot be decoded."""
COLUMNS = (
    *STORED,
    *MEASURED,
    *(f"{form}_{name}" for form in (RAW, NORMALISED) for name in FEATURES),
    "rejected",
)

_BATCH_ROWS = 32
_ID, _IMAGE, _MASK = "image_id", "image", "mask"


def profile(
    dataset: Dataset,
    workers: int | None,
    progress: Progress,
    engine: Engine = Engine.PROCESSES,
) -> pd.DataFrame:
    """One row a stored image, then one a rejected row, with `COLUMNS` (fewer if shards lack some).

    ``digest`` is hexadecimal and equal for pixel-equal images, ``error`` says why image or mask
    cannot be decoded, ``rejected`` why the builder left the row out; both are missing (None)
    otherwise. Sizes are in pixels, shares 0..1. ``workers`` processes read the shards. Raises
    `SchemaViolation` where a shard has no column for the images or their ids.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    shards = sorted(dataset.path.glob("*.parquet"))
    with running(engine, workers, dataset.path) as each:
        for part in each(_profile_shard, shards):
            rows += part
            progress(len(rows), len(dataset), "profiling images")
    found = {name for row in rows for name in row}
    rows += [{"image_id": row["image_id"], "rejected": row["reason"]} for row in dataset.rejected]
    kept = [name for name in COLUMNS if name in found or name not in STORED or name == _ID]
    return pd.DataFrame(rows, columns=kept).astype({"error": object, "rejected": object})


def _profile_shard(path: Path) -> list[dict[str, Any]]:
    """The rows of one shard, read in this process; a column that it lacks is absent."""
    with opened(path) as shard:
        known = [name for name in shard.schema_arrow.names if name in sample_schema().names]
        if missing := {_ID, _IMAGE, _MASK} - set(known):
            raise SchemaViolation(
                f"{path} has no {' and no '.join(sorted(missing))}; build it again"
            )
        return [
            _row(row)
            for batch in shard.iter_batches(_BATCH_ROWS, columns=known)
            for row in batch.to_pylist()
        ]


def _row(stored: dict[str, Any]) -> dict[str, Any]:
    row = {name: stored[name] for name in STORED if name in stored}
    row |= {"bytes": len(stored["image"]), "has_mask": bool(stored["mask"]), "error": None}
    try:
        row |= _measured(images.decode(stored["image"]), stored["image_id"])
    except DataError as error:
        return row | {"error": str(error)}
    try:
        return row | _mask(stored["mask"])
    except DataError as error:
        return row | {"error": f"mask: {error}"}


def _measured(photo: Photo, image_id: str) -> dict[str, Any]:
    width, height = photo.size
    normalised = images.header(images.encode_normalised(photo.pixels, image_id))
    forms = {RAW: photo.metadata, NORMALISED: normalised}
    return {
        "width": width,
        "height": height,
        "format": photo.format,
        "digest": pixel_digest(photo.pixels).hex(),
        **{
            f"{form}_{name}": value
            for form, metadata in forms.items()
            for name, value in container_features(metadata, photo.size).items()
        },
    }


def _mask(data: bytes) -> dict[str, Any]:
    """Size and altered share of a mask, whether or not it is as large as its image."""
    if not data:
        return {}
    told = images.header(data)
    size = int(told["width"]), int(told["height"])
    altered = images.decode_mask(data, size)
    return {"mask_width": size[0], "mask_height": size[1], "mask_share": float(altered.mean())}
