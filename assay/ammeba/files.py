"""Where the csv files of AMMeBa lie: a folder, or a zip that is never unpacked to disk."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.archives import ArchiveSettings, members
from assay.errors import SchemaViolation

ANNOTATIONS = "stage_2.csv"
IMAGES = "image_metadata.csv"
FACT_CHECKS = "fact_checks.csv"
FILES = (ANNOTATIONS, IMAGES, FACT_CHECKS)

_LIMITS = ArchiveSettings(max_members=200_000, max_member_bytes=512 * 2**20)
"""A csv file is larger than an image, and images may lie beside it."""


@contextmanager
def opened(place: Path, name: str) -> Iterator[io.BufferedIOBase]:
    """The bytes of the csv called ``name`` in a folder or a zip.

    Raises `SchemaViolation` where it is missing, twice there or refused, and `UnsafeArchive` for a
    zip that is none.
    """
    if place.is_dir():
        file = place / name
        if not file.is_file():
            raise SchemaViolation(f"{place} holds no {name}; {_remedy()}")
        with file.open("rb") as stream:
            yield stream
        return
    with place.open("rb") as archive:
        found = list(members(archive, _LIMITS, named=(name,)))
    if len(found) != 1:
        told = "more than one" if found else "no"
        raise SchemaViolation(f"{place.name} holds {told} {name}; {_remedy()}")
    if isinstance(content := found[0].content, str):
        raise SchemaViolation(f"{place.name}: {name}: {content}")
    yield io.BytesIO(content)


def _remedy() -> str:
    return f"AMMeBa's {', '.join(FILES)} belong side by side"
