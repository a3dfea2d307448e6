"""Score images in bulk: a folder, one file, or a Parquet table in; one row an image out.

Of a folder, files are scored whose suffix is one of `SUFFIXES`, at any depth; a file that is named
itself is scored whatever its suffix. An image that cannot be read is a row with ``error``.

Rows are journalled beside the output as they are made, so a run that was killed goes on where it
stopped; the output appears whole, under its own name, at the end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from assay import images
from assay.errors import DataError, ImageTooLarge, SchemaViolation
from assay.examination import BATCH_IMAGES, examined_photos, in_batches
from assay.journal import Journal, Row
from assay.progress import Progress, silent
from assay.records import Label, Photo, Verdict
from assay.settings import at_home

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq

    from assay.detector import Detector

_JPEG_SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif"}
SUFFIXES = frozenset({".bmp", ".gif", ".png", ".tif", ".tiff", ".webp"} | _JPEG_SUFFIXES)
TABLE_SUFFIXES = (".csv", ".parquet")
COLUMNS = (
    "file",
    "label",
    "score",
    "p_authentic",
    "p_manipulated",
    "p_synthesized",
    "needs_review",
    "error",
)


def _existing(path: str) -> str:
    # A named pipe is neither, and reading it would wait for ever; an empty path would mean ".".
    if not path or not (Path(path).is_file() or Path(path).is_dir()):
        raise ValueError("no such file or folder")
    return path


def _table_name(path: str, info: ValidationInfo) -> str:
    source = (info.data or {}).get("input")  # ZenML validates each argument by itself
    if not path:
        if source is not None and not is_single_image(Path(source)):
            raise ValueError("required; pass --set output=FILE.csv (or .parquet)")
        return path
    if Path(path).suffix.lower() not in TABLE_SUFFIXES:
        raise ValueError(f"expected a name that ends in {' or '.join(TABLE_SUFFIXES)}")
    if Path(path).is_dir():
        raise ValueError("is a folder; name a file")
    if source is not None and Path(path).resolve() == Path(source).resolve():
        raise ValueError("is the input, which it would replace; name another file")
    return path


InputPath = Annotated[str, BeforeValidator(at_home), AfterValidator(_existing)]
"""An image, a folder or a Parquet table that exists; ``~`` is the user's home."""
OutputPath = Annotated[str, BeforeValidator(at_home), AfterValidator(_table_name)]
"""Where rows go, as CSV or Parquet by suffix; may be empty for a single image ``input`` alone."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image to score: its name in the output, a key of its own, and its content.

    The key of a file changes with the file, so that a row of what it was before does not count.
    """

    name: str
    key: str
    content: Path | bytes

    @property
    def data(self) -> bytes:
        """The image's bytes; raises `ImageTooLarge` before it reads a huge file, or OSError."""
        if isinstance(self.content, bytes):
            return self.content
        size = self.content.stat().st_size
        if size > images.MAX_BYTES:
            raise ImageTooLarge(f"{size} bytes; at most {images.MAX_BYTES} are read")
        return self.content.read_bytes()


def is_single_image(source: Path) -> bool:
    """Whether ``source`` is one image file rather than a folder or a table."""
    return source.is_file() and source.suffix.lower() != ".parquet"


def score(
    source: Path, output: Path, detector: Detector, progress: Progress = silent
) -> pd.DataFrame:
    """Score every image of ``source`` into ``output`` (CSV or Parquet by suffix), sorted by file.

    Columns are `COLUMNS`; the three probabilities sum to 1, and are empty where ``error`` is not.
    Raises `DataError` where ``source`` holds nothing to score, and `StorageError` where another
    process is writing ``output``.
    """
    total = _count(source)
    if total == 0:
        raise DataError(f"{source} holds no images; scored are {', '.join(sorted(SUFFIXES))}")
    output.parent.mkdir(parents=True, exist_ok=True)
    made_from = {"source": str(source.resolve()), "model": detector.version}
    made_from["state"] = _state(source) if source.is_file() else ""
    with Journal.beside(output, made_from) as journal:
        current: set[str] = set()
        progress(min(len(journal.done), total), total, "score images")
        items = (i for i in _noted(_items(source), current) if i.key not in journal.done)
        for batch in in_batches(examined_photos(decoded, items)):
            journal.append(_score_batch(batch, detector))
            progress(min(len(journal.done), total), total, "score images")
        # Files that changed or went away since the run that was killed have left rows behind.
        rows = [row for row in journal.rows() if row["key"] in current]
        table = _frame(sorted(rows, key=lambda row: str(row["file"])))
        _write(table, output)
        journal.remove()
    return table


def explain(source: Path, detector: Detector) -> Verdict:
    """The verdict about one image file, with its written reasons; raises as `images.decode`."""
    photo = images.decode(Item(source.name, source.name, source).data)
    return detector.detect([photo], rationale=True)[0]


def _items(source: Path) -> Iterator[Item]:
    if source.is_dir():
        for file in image_files(source):
            name = file.relative_to(source).as_posix()
            yield Item(_as_text(name), f"{name} {_state(file)}", file)
    elif is_single_image(source):
        yield Item(_as_text(source.name), source.name, source)
    else:
        yield from _table_items(source)


def _count(source: Path) -> int:
    if is_single_image(source):
        return 1
    if source.is_dir():
        return len(image_files(source))
    with _opened(source) as table:
        return int(table.metadata.num_rows)


def _noted(items: Iterator[Item], keys: set[str]) -> Iterator[Item]:
    """``items``, their keys added to ``keys`` as they pass."""
    for item in items:
        keys.add(item.key)
        yield item


def _as_text(name: str) -> str:
    """A file's name with bytes that are not UTF-8 escaped, as no table could hold them."""
    return os.fsencode(name).decode(errors="backslashreplace")


def _state(file: Path) -> str:
    """What changes with a file's content, as far as that is known without reading it."""
    try:
        status = file.stat()
    except OSError:
        return "gone"
    return f"{status.st_size} {status.st_mtime_ns}"


def image_files(folder: Path) -> list[Path]:
    """Files of ``folder``, at any depth, whose suffix is one of `SUFFIXES`, in order."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix())


def _opened(table: Path) -> pq.ParquetFile:
    """A Parquet table with images; raises `SchemaViolation` where it is none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(table)
    except (pa.ArrowInvalid, OSError) as error:
        raise SchemaViolation(f"{table} is no Parquet table ({error}); write it again") from error
    schema = opened.schema_arrow
    if "image" not in schema.names:
        raise SchemaViolation(f"{table} has no column 'image' that holds the images' bytes")
    kind = schema.field("image").type
    # Hugging Face stores an image as a struct of bytes and path.
    kind = kind.field("bytes").type if pa.types.is_struct(kind) else kind
    if not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
        raise SchemaViolation(f"{table}: column 'image' holds {kind}; it must hold images' bytes")
    return opened


def _table_items(table: Path) -> Iterator[Item]:
    """Rows of a Parquet table: bytes in ``image``, names in ``file``, ``image_id`` or the row."""
    with _opened(table) as source:
        columns = set(source.schema_arrow.names)
        name = next((c for c in ("file", "image_id") if c in columns), "")
        row = 0
        for batch in source.iter_batches(BATCH_IMAGES, columns=["image", *filter(None, [name])]):
            for record in batch.to_pylist():
                image = record["image"]
                data = (image.get("bytes") if isinstance(image, dict) else image) or b""
                given = record.get(name)
                yield Item(f"{row:09d}" if given is None else str(given), f"{row}", data)
                row += 1


def decoded(item: Item) -> Photo | str:
    """The image, or the reason why there is none."""
    try:
        return images.decode(item.data)
    except DataError as error:
        return str(error)
    except OSError as error:
        return error.strerror or str(error)


def _score_batch(batch: list[tuple[Item, Photo | str]], detector: Detector) -> list[Row]:
    photos = [photo for _, photo in batch if isinstance(photo, Photo)]
    verdicts = iter(detector.detect(photos) if photos else ())
    return [
        _failed(item, photo) if isinstance(photo, str) else _scored(item, next(verdicts))
        for item, photo in batch
    ]


def _scored(item: Item, verdict: Verdict) -> Row:
    probabilities = {f"p_{label.value}": float(verdict.probabilities[label]) for label in Label}
    outcome = {"label": verdict.label.value, "score": float(verdict.score), **probabilities}
    review = {"needs_review": bool(verdict.needs_review), "error": ""}
    return {"key": item.key, "file": item.name, **outcome, **review}


def _failed(item: Item, reason: str) -> Row:
    identity = {"key": item.key, "file": item.name}
    return {**dict.fromkeys(COLUMNS), **identity, "label": "", "error": reason}


def _write(table: pd.DataFrame, output: Path) -> None:
    """Write beside the output, then rename: a reader never sees half a table."""
    unfinished = output.with_name(f".{output.name}.unfinished")
    if output.suffix.lower() == ".parquet":
        table.to_parquet(unfinished, index=False)
    else:
        table.to_csv(unfinished, index=False)
    unfinished.replace(output)


def _frame(rows: list[Row]) -> pd.DataFrame:
    import pandas as pd

    numbers = [c for c in COLUMNS if c.startswith("p_") or c == "score"]
    types = {"needs_review": "boolean", **dict.fromkeys(numbers, "float64")}
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(types)
