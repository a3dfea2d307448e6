"""References that were made once, under the state folder, by the version of the model."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from assay import home
from assay.monitoring.numbers import Reference, ReferenceKind
from assay.monitoring.settings import ReferenceSettings

if TYPE_CHECKING:
    import pandas as pd

Found = tuple[Reference, "pd.DataFrame"]
"""What a reference is, and its table: one row a picture, the columns that are compared."""


def nothing() -> Found:
    """No reference at all."""
    import pandas as pd

    return Reference(kind=ReferenceKind.NONE, captures=0, groups=0), pd.DataFrame()


def load(version: str, kind: ReferenceKind, settings: ReferenceSettings) -> Found | None:
    """The reference of this kind of the model ``version``; None where none was kept."""
    import pandas as pd

    table, facts = _files(version, kind, settings)
    if not facts.is_file():
        return None
    return Reference.model_validate_json(facts.read_text(encoding="utf-8")), pd.read_parquet(table)


def save(version: str, kind: ReferenceKind, settings: ReferenceSettings, found: Found) -> Found:
    """Keep ``found``, as a whole or not at all, and return it."""
    reference, table = found
    table_file, facts_file = _files(version, kind, settings)
    _write(table_file, table.to_parquet())
    _write(facts_file, reference.model_dump_json().encode())  # last: it says that both are there
    return found


def _files(version: str, kind: ReferenceKind, settings: ReferenceSettings) -> tuple[Path, Path]:
    folder = home.folder("monitoring")
    digest = hashlib.sha256(settings.model_dump_json().encode()).hexdigest()
    name = f"{version}-{kind}-{digest[:12]}"
    return folder / f"{name}.parquet", folder / f"{name}.json"


def _write(file: Path, data: bytes) -> None:
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(file)
