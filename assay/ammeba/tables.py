"""AMMeBa's csv files as typed rows, streamed.

Cells come as pandas left them: booleans or the words "true" and "false", empty cells or "NaN",
times such as "2023.02.23 12:59:21". What cannot be understood counts as missing.
"""

from __future__ import annotations

import csv as csv_lines
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path

from assay.ammeba.files import ANNOTATIONS, FACT_CHECKS, IMAGES, opened
from assay.errors import SchemaViolation, did_you_mean
from assay.metadata import quoted

FLAGS = (
    "content_manipulation",
    "text_manipulation",
    "chyron_manipulation",
    "ai_manipulation",
    "context_manipulation",
    "self_miscontextualizing",
    "circumstance_manipulation",
    "identity_manipulation",
    "location_manipulation",
    "datetime_manipulation",
    "atypical_manipulation",
)
"""Columns of an annotation that say yes, no, or nothing."""

_MISSING = ["", "nan", "NaN", "NAN", "None", "none", "null", "NULL", "<NA>", "NaT"]
_TRUE = frozenset({"true", "1", "1.0", "yes"})
_FALSE = frozenset({"false", "0", "0.0", "no"})
_TIMES = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
_BLOCK = 8 * 2**20
"""Bytes that are parsed together; the longest row has to fit in."""
_EARLIEST = "1990"
"""No fact-check of an image on the web is older; a clock that starts in 1970 was never set."""
_LONGEST_HEADER = 64 * 2**10
_LONGEST_URL, _LONGEST_TITLE = 4096, 500
_HEX = re.compile(r"[0-9a-f]{4,1024}")
_IMAGE_ID = re.compile(r"[0-9A-Za-z_.-]{1,200}")

Cells = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Annotation:
    """What one fact-check says about one image (a row of `ANNOTATIONS`)."""

    image_id: str
    fact_check_url: str
    disqualified: bool
    disqualification_reason: str
    premanipulation_image_id: str
    """The image before it was edited, if it was found; empty otherwise."""
    submitted_at: str
    """When it was annotated, ISO 8601; empty if unknown."""
    is_screenshot: bool
    flags: Mapping[str, bool]
    """By name of `FLAGS`; what nobody answered is not in it."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What is known of one image without having it (a row of `IMAGES`)."""

    image_id: str
    url: str
    """Empty for almost a third of them."""
    media_type: str
    bytes: int | None
    width: int | None
    height: int | None
    average_hash: str
    """As `imagehash` writes it, hexadecimal; empty if missing, as for the next."""
    phash: str


@dataclass(frozen=True, slots=True)
class FactCheck:
    """One article (a row of `FACT_CHECKS`)."""

    url: str
    title: str
    reviewed_on: str
    """ISO 8601; empty if unknown."""


def read_annotations(place: Path) -> Iterator[Annotation]:
    """Every row of `ANNOTATIONS`, in order; the ``image_id`` of one that names no image is empty.

    This and its two siblings raise `SchemaViolation` where a file or a column is missing or the
    bytes are no csv in UTF-8, and `UnsafeArchive` for a zip that is none.
    """
    columns = (
        "image_id",
        "fact_check_url",
        "disqualified",
        "disqualification_reason",
        "premanipulation_image_id",
        "submission_time",
        "image_type",
        "screenshot_type",
        *FLAGS,
    )
    for cells in _rows(place, ANNOTATIONS, columns):
        yield Annotation(
            image_id=_image_id(cells["image_id"]),
            fact_check_url=_text(cells["fact_check_url"], _LONGEST_URL),
            disqualified=_is_disqualified(cells["disqualified"]),
            disqualification_reason=_text(cells["disqualification_reason"], _LONGEST_TITLE),
            premanipulation_image_id=_image_id(cells["premanipulation_image_id"]),
            submitted_at=iso(cells["submission_time"]),
            is_screenshot=_is_screenshot(cells),
            flags={n: v for n in FLAGS if (v := _flag(cells[n])) is not None},
        )


def read_images(place: Path) -> Iterator[ImageFacts]:
    """Every row of `IMAGES` that names an image, in order."""
    columns = (
        "image_id",
        "url",
        "mime",
        "image_size_bytes",
        "width",
        "height",
        "average_hash",
        "phash",
    )
    for cells in _rows(place, IMAGES, columns):
        if image_id := _image_id(cells["image_id"]):
            yield ImageFacts(
                image_id=image_id,
                url=_text(cells["url"], _LONGEST_URL),
                media_type=_text(cells["mime"], 100),
                bytes=_number(cells["image_size_bytes"]),
                width=_number(cells["width"]),
                height=_number(cells["height"]),
                average_hash=_hash(cells["average_hash"]),
                phash=_hash(cells["phash"]),
            )


def read_fact_checks(place: Path) -> Iterator[FactCheck]:
    """Every row of `FACT_CHECKS` that has an address, in order."""
    columns = ("fact_check_url", "review_date", "fact_check_title")
    for cells in _rows(place, FACT_CHECKS, columns):
        if url := _text(cells["fact_check_url"], _LONGEST_URL):
            title = _text(cells["fact_check_title"], _LONGEST_TITLE)
            reviewed_on = iso(cells["review_date"])
            yield FactCheck(url, title, reviewed_on if reviewed_on >= _EARLIEST else "")


@lru_cache(maxsize=65_536)
def iso(time: str | None) -> str:
    """A day or a time as they are written there, in ISO 8601; empty where it is none.

    A time without a zone counts as UTC; a day stays a day.
    """
    text = (time or "").strip()
    text = re.sub(r"^(\d{4})[./](\d{1,2})[./](\d{1,2})", r"\1-\2-\3", text)
    for form in _TIMES:
        try:
            found = datetime.strptime(text, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        return found.date().isoformat() if form == _TIMES[-1] else found.isoformat()
    try:
        zoned = datetime.fromisoformat(text)
        return (zoned.astimezone(UTC) if zoned.tzinfo else zoned.replace(tzinfo=UTC)).isoformat()
    except (ValueError, OverflowError):
        return ""


def day(time: str) -> date | None:
    """The day of what `iso` gave; None for nothing."""
    return datetime.fromisoformat(time).date() if time else None


def _rows(place: Path, name: str, columns: Sequence[str]) -> Iterator[Cells]:
    """The ``columns`` of a csv, all as text, None where a cell is missing."""
    import pyarrow as pa
    from pyarrow import csv

    converting = csv.ConvertOptions(
        # Of the others it would guess a type by the first block, which a later cell may belie.
        include_columns=list(columns),
        column_types=dict.fromkeys(columns, pa.string()),
        null_values=_MISSING,
        strings_can_be_null=True,
    )
    reading = csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    parsing = csv.ParseOptions(newlines_in_values=True)
    try:
        with opened(place, name) as stream:
            _check_columns(name, _header(stream), columns)
            with csv.open_csv(stream, reading, parsing, converting) as reader:
                for batch in reader:
                    chosen = [batch.column(column).to_pylist() for column in columns]
                    for cells in zip(*chosen, strict=True):
                        yield dict(zip(columns, cells, strict=True))
    except (pa.ArrowException, UnicodeDecodeError, csv_lines.Error) as error:
        reason = quoted(str(error), 300)
        raise SchemaViolation(f"{name}: {reason}; save it as csv in UTF-8") from error


def _header(stream: io.BufferedIOBase) -> list[str]:
    """The names of the columns; the stream is at its beginning afterwards."""
    text = stream.read(_LONGEST_HEADER).decode("utf-8-sig", "replace")
    stream.seek(0)
    return next(filter(None, csv_lines.reader(io.StringIO(text, newline=""))), [])


def _check_columns(name: str, found: Sequence[str], wanted: Sequence[str]) -> None:
    for column in wanted:
        if found.count(column) != 1:
            told = "two columns are called" if column in found else "no column"
            hint = "" if column in found else did_you_mean(column, found)
            raise SchemaViolation(f"{name}: {told} {column!r}{hint}; rename or add it")


def _text(cell: str | None, longest: int) -> str:
    return quoted(" ".join((cell or "").split()), longest)


def _image_id(cell: str | None) -> str:
    """The name of an image; empty for what could not be a file's name, which no id is."""
    text = (cell or "").strip()
    return text if _IMAGE_ID.fullmatch(text) else ""


def _hash(cell: str | None) -> str:
    text = (cell or "").strip().lower()
    return text if _HEX.fullmatch(text) else ""


def _flag(cell: str | None) -> bool | None:
    word = (cell or "").strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _is_disqualified(cell: str | None) -> bool:
    """Whether anything but a no stands there: what cannot be understood is no reason to use it."""
    return bool((cell or "").strip()) and _flag(cell) is not False


def _is_screenshot(cells: Cells) -> bool:
    kind = (cells["screenshot_type"] or "").strip().lower()
    return "screenshot" in (cells["image_type"] or "").lower() or kind not in {"", *_FALSE}


def _number(cell: str | None) -> int | None:
    """A whole number above 0, also as pandas writes one in a column with gaps (``640.0``)."""
    text = (cell or "").strip().removesuffix(".0")
    return int(text) or None if re.fullmatch(r"[0-9]{1,12}", text) else None
