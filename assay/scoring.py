"""Score images in bulk: a folder, one file, or a Parquet table in; one row an image out.

Of a folder, files are scored whose suffix is one of `SUFFIXES`, at any depth; a file that is named
itself is scored whatever its suffix. An image that cannot be read is a row with ``error``.

Rows are journalled beside the output as they are made, so a run that was killed goes on where it
stopped; the output appears whole, under its own name, at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from assay import images
from assay.errors import ConfigError, DataError, ImageTooLarge, SchemaViolation
from assay.journal import Journal, Row
from assay.progress import Progress, silent
from assay.records import Label, Photo, Verdict

if TYPE_CHECKING:
    import pandas as pd

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
BATCH_IMAGES = 16
BATCH_PIXELS = 2 * images.MAX_PIXELS
"""A batch ends at either limit, which bounds memory whatever the images' sizes."""


def _existing(path: str) -> str:
    if not Path(path).exists():
        raise ValueError("no such file or folder")
    return path


def _table_name(path: str) -> str:
    if path and Path(path).suffix.lower() not in TABLE_SUFFIXES:
        raise ValueError(f"expected a name that ends in {' or '.join(TABLE_SUFFIXES)}")
    return path


InputPath = Annotated[str, AfterValidator(_existing)]
"""An image, a folder or a Parquet table that exists."""
OutputPath = Annotated[str, AfterValidator(_table_name)]
"""Where rows go, as CSV or Parquet by suffix; empty for none."""


@dataclass(frozen=True, slots=True)
class Item:
    """One image to score: its name in the output, a key that is unique, and its content."""

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


def output_for(source: str, output: str) -> str:
    """Where rows go; empty when one image is explained instead.

    Raises `ConfigError` where several images have nowhere to go.
    """
    if not output and not is_single_image(Path(source)):
        raise ConfigError("output: required; pass --set output=FILE.csv (or .parquet)")
    return output


def score(
    source: Path, output: Path, detector: Detector, progress: Progress = silent
) -> pd.DataFrame:
    """Score every image of ``source`` into ``output`` (CSV or Parquet by suffix), sorted by file.

    Columns are `COLUMNS`; the three probabilities sum to 1, and are empty where ``error`` is not.
    Raises `DataError` where ``source`` holds nothing to score.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    total = _count(source)
    if total == 0:
        raise DataError(f"{source} holds no images; scored are {', '.join(sorted(SUFFIXES))}")
    journal = Journal.beside(output, {"source": str(source.resolve()), "model": detector.version})
    progress(len(journal.done), total, "score images")
    for batch in _batches(_items(source), journal.done):
        journal.append(_score_batch(batch, detector))
        progress(len(journal.done), total, "score images")
    table = _frame(sorted(journal.rows(), key=lambda row: str(row["file"])))
    _write(table, output)
    journal.remove()
    return table


def explain(source: Path, detector: Detector) -> Verdict:
    """The verdict about one image file, with its written reasons; raises as `images.decode`."""
    photo = images.decode(Item(source.name, source.name, source).data)
    return detector.detect([photo], rationale=True)[0]


def _items(source: Path) -> Iterator[Item]:
    if source.is_dir():
        for file in _image_files(source):
            name = file.relative_to(source).as_posix()
            yield Item(name, name, file)
    elif is_single_image(source):
        yield Item(source.name, source.name, source)
    else:
        yield from _table_items(source)


def _count(source: Path) -> int:
    if is_single_image(source):
        return 1
    if source.is_dir():
        return len(_image_files(source))
    import pyarrow.parquet as pq

    return int(pq.read_metadata(source).num_rows)


def _image_files(folder: Path) -> list[Path]:
    found = (p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return sorted(found, key=lambda p: p.relative_to(folder).as_posix())


def _table_items(table: Path) -> Iterator[Item]:
    """Rows of a Parquet table: bytes in ``image``, names in ``file``, ``image_id`` or the row."""
    import pyarrow.parquet as pq

    source = pq.ParquetFile(table)
    columns = set(source.schema_arrow.names)
    if "image" not in columns:
        raise SchemaViolation(f"{table} has no column 'image' that holds the images' bytes")
    name = next((c for c in ("file", "image_id") if c in columns), None)
    row = 0
    for batch in source.iter_batches(BATCH_IMAGES, columns=["image", *([name] if name else [])]):
        for record in batch.to_pylist():
            image = record["image"]
            # Hugging Face stores an image as a struct of bytes and path.
            data = (image.get("bytes") if isinstance(image, dict) else image) or b""
            yield Item(str(record[name]) if name else f"{row:09d}", f"{row}", data)
            row += 1


def _batches(items: Iterator[Item], done: set[str]) -> Iterator[list[tuple[Item, Photo | str]]]:
    """Decoded images, or the reason why not, until a batch has enough images or pixels."""
    batch: list[tuple[Item, Photo | str]] = []
    pixels = 0
    for item in items:
        if item.key in done:
            continue
        photo = _decode(item)
        batch.append((item, photo))
        pixels += photo.size[0] * photo.size[1] if isinstance(photo, Photo) else 0
        if len(batch) >= BATCH_IMAGES or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def _decode(item: Item) -> Photo | str:
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
