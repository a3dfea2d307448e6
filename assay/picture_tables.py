"""Tables with a picture in each row, in the form that MLflow's pages and ``load_table`` read.

``mlflow.log_table`` writes each picture twice, one upload at a time (decision 0043); here a folder
of small pictures and the table beside it are logged at once.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from assay import images, tracking
from assay.records import Mask, Pixels
from assay.reports.pictures import shrunk

if TYPE_CHECKING:
    import pandas as pd

COLUMN = "thumbnail"
"""The column of pictures, the first."""

_SIDE = 96
_QUALITY = 80


def thumbnail(pixels: Pixels, mask: Mask | None = None) -> bytes:
    """A small JPEG of ``[h, w, 3]`` pixels, with the region that a ``mask`` marks outlined.

    WebP would be smaller but takes ten times as long, a second for the default test split.
    """
    return images.encode_jpeg(shrunk(pixels, _SIDE, mask), _QUALITY)


def log(run_id: str, file: str, table: pd.DataFrame, pictures: Sequence[bytes]) -> None:
    """Store ``table`` with a `thumbnail` a row, ``pictures``, as ``file`` (.json) of the run.

    A table of that name is replaced. Equal pictures are stored once.
    """
    place = Path("table_images") / Path(file).stem
    names = [f"{hashlib.sha256(data).hexdigest()[:16]}.jpg" for data in pictures]
    cells = [_cell((place / name).as_posix()) for name in names]
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / place).mkdir(parents=True)
        for name, data in dict(zip(names, pictures, strict=True)).items():
            (Path(scratch) / place / name).write_bytes(data)
        whole = table.copy()
        whole.insert(0, COLUMN, cells)
        whole.to_json(Path(scratch) / file, orient="split", index=False, date_format="iso")
        tracking.client().log_artifacts(run_id, scratch)
    _declare(run_id, file)


def _cell(path: str) -> dict[str, str]:
    """What a picture is in the table: MLflow shows the second and opens the first."""
    return {"type": "image", "filepath": path, "compressed_filepath": path}


def _declare(run_id: str, file: str) -> None:
    """Tell MLflow's pages that ``file`` is a table."""
    from mlflow.utils.mlflow_tags import MLFLOW_LOGGED_ARTIFACTS

    store = tracking.client()
    declared = json.loads(store.get_run(run_id).data.tags.get(MLFLOW_LOGGED_ARTIFACTS, "[]"))
    entry = {"path": file, "type": "table"}
    if entry not in declared:
        store.set_tag(run_id, MLFLOW_LOGGED_ARTIFACTS, json.dumps([*declared, entry]))
