"""Every expectation has a defect planted that it alone must name; every bad row is listed."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from assay import images
from assay.dataset import MANIFEST, Dataset, DataSettings
from assay.dataset_builder import build_dataset
from assay.errors import SchemaViolation, ShortcutFound, SplitLeakage
from assay.expectations import LEAKS, ExpectationSettings, Severity, of_columns, suite
from assay.progress import silent
from assay.records import Label, Sample, Split
from assay.validation import (
    Validation,
    ValidationSettings,
    check,
    refusal,
    validate,
)
from tests.datasets import stored
from tests.scenes import sample, scene
from tests.training_runs import corner

Rows = list[dict[str, Any]]


@cache
def samples() -> tuple[Sample, ...]:
    """Twenty-four licensed images, eight of each label, spread over the splits."""
    splits = (Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TRAIN)
    made = []
    for number in range(24):
        label = list(Label)[number % 3]
        mask = corner() if label is Label.MANIPULATED else b""
        fields = {"label": label, "mask": mask, "split": splits[number // 6], "licence": "CC0"}
        made.append(sample(number, 64, 96, **fields))
    return tuple(made)


def validated(
    folder: Path, plant: Callable[[Rows], object] = lambda rows: None, **settings: Any
) -> Validation:
    """The validation of `samples` after ``plant`` has changed the stored rows."""
    dataset = stored(folder, samples())
    shard = folder / "0.parquet"
    rows = pq.read_table(shard).to_pylist()
    plant(rows)
    schema = None if rows else pq.read_schema(shard)
    pq.write_table(pa.Table.from_pylist(rows, schema), shard)
    return validate(dataset, ValidationSettings(workers=1, **settings), silent)


def put(row: int, column: str, value: Any) -> Callable[[Rows], None]:
    """Plant ``value`` in one cell."""

    def plant(rows: Rows) -> None:
        rows[row][column] = value

    return plant


def copy(column: str, origin: int, *rows: int) -> Callable[[Rows], None]:
    """Plant the cell of one row in others."""

    def plant(stored_rows: Rows) -> None:
        for row in rows:
            stored_rows[row][column] = stored_rows[origin][column]

    return plant


def put_in_all(column: str, value: Any) -> Callable[[Rows], None]:
    """Plant ``value`` in every row."""

    def plant(rows: Rows) -> None:
        for row in rows:
            row[column] = value

    return plant


def all_authentic(rows: Rows) -> None:
    for row in rows:
        row |= {"label": "authentic", "mask": b""}


def without_licences(rows: Rows) -> None:
    for row in rows:
        del row["licence"]


NOTHING_MARKED = images.encode_mask(np.zeros((64, 96), dtype=bool))
SMALL = images.encode_png(scene(3, 24, 96))
WIDE = images.encode_png(scene(3, 64, 256))

PLANTED = {
    "image ids are unique": (copy("image_id", 0, 5), {}, "scene-0"),
    "labels are known": (put(3, "label", "authentc"), {}, "scene-3"),
    "splits are known": (put(3, "split", "tset"), {}, "scene-3"),
    "labels are balanced": (all_authentic, {}, None),
    "enough images state their licence": (
        put(3, "licence", ""),
        {"min_licensed_share": 1.0},
        "scene-3",
    ),
    "images can be decoded": (put(3, "image", b"no image"), {}, "scene-3"),
    "images are large enough": (put(3, "image", SMALL), {}, "scene-3"),
    "images are not too large": (put(3, "image", WIDE), {"max_side": 200}, "scene-3"),
    "masks are as large as their images": (
        put(4, "mask", images.encode_mask(np.eye(32, dtype=bool))),
        {},
        "scene-4",
    ),
    "masks mark a plausible share": (put(4, "mask", NOTHING_MARKED), {}, "scene-4"),
    "authentic images have no mask": (put(3, "mask", corner()), {}, "scene-3"),
    "groups stay in one split": (copy("group", 0, 12), {}, "scene-12"),
    "pixel-equal images stay in one split": (copy("image", 0, 12), {}, "scene-12"),
    "pixel-equal images have one label": (copy("image", 0, 2), {}, "scene-2"),
    "few images are copies": (
        copy("image", 0, 3, 18, 21),
        {"max_duplicate_share": 0.1},
        "scene-21",
    ),
}
"""By expectation: the defect, the limits that differ, and an image to be named."""


def test_sound_dataset_passes_and_says_what_it_holds(tmp_path: Path):
    found = validated(tmp_path)
    assert found.passed
    assert not found.warnings
    assert refusal(found) == ""
    assert sum(count.rows for count in found.counts) == found.rows == 24
    check(found)


def test_every_expectation_about_rows_has_a_defect_planted():
    elsewhere = {
        "few images are in conflict",
        "few rows are rejected",
        "every image states its licence",
    }
    names = {expectation.name for expectation in suite(ExpectationSettings(min_licensed_share=0.5))}
    assert set(PLANTED) | elsewhere == names


@pytest.mark.parametrize("name", PLANTED)
def test_expectation_alone_refuses_its_defect_and_names_the_row(tmp_path: Path, name: str):
    plant, settings, image_id = PLANTED[name]
    found = validated(tmp_path, plant, **settings)
    assert [expectation.name for expectation in found.broken] == [name]
    assert image_id is None or image_id in found.broken[0].first
    with pytest.raises(SplitLeakage if name in LEAKS else SchemaViolation, match=name) as refused:
        check(found)
    assert image_id is None or image_id in str(refused.value)
    assert found.broken[0].remedy in str(refused.value)


@pytest.mark.parametrize("plant", [put_in_all("image", b"?"), list.clear], ids=["damaged", "empty"])
def test_dataset_without_any_usable_image_is_refused(tmp_path: Path, plant: Callable[[Rows], None]):
    found = validated(tmp_path, plant)
    assert not found.passed
    assert not found.probes
    with pytest.raises(SchemaViolation):
        check(found)


def test_missing_column_is_all_that_can_be_said(tmp_path: Path):
    found = validated(tmp_path, without_licences)
    assert [e.name for e in found.broken] == [entry.name for entry in of_columns()]
    assert "without licence" in found.broken[0].observed
    with pytest.raises(SchemaViolation, match="licence column is there"):
        check(found)


@pytest.mark.parametrize("licence", ["", " ", "Not stated by its publisher, author unknown"])
def test_missing_licence_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, licence: str
):
    found = validated(tmp_path, put(3, "licence", licence))
    assert "every image states its licence: 1 row not; scene-3" in caplog.text
    assert found.passed
    assert [e.name for e in found.warnings] == ["every image states its licence"]
    assert (found.warnings[0].first, found.warnings[0].severity) == (
        ("scene-3",),
        Severity.WARNING,
    )


def test_near_duplicates_of_two_labels_are_no_conflict(tmp_path: Path):
    again = images.encode_jpeg(scene(0, 64, 96), 95)
    assert validated(tmp_path, put(1, "image", again)).passed


def test_share_of_rejected_rows_stops_with_their_reasons(tmp_path: Path):
    dataset = stored(tmp_path, samples())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["rejected"] = [
        {"image_id": f"{n}.png", "reason": f"m.csv line {n}: unknown label 'x{n}'; known: y"}
        for n in range(4)
    ]
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    found = validate(Dataset(dataset.path), ValidationSettings(workers=1), silent)
    assert [expectation.name for expectation in found.broken] == ["few rows are rejected"]
    with pytest.raises(SchemaViolation, match=r"4 x unknown label \(m\.csv line 0: unknown label"):
        check(found)
    lenient = ValidationSettings(workers=1, max_rejected_share=0.2)
    assert validate(Dataset(dataset.path), lenient, silent).passed


BAD_ROWS = {
    "missing file": ("gone.png,authentic,,", "gone.png", "there is no file"),
    "unknown label": ("bad.png,authentc,,", "bad.png", "unknown label"),
    "unknown split": ("bad.png,authentic,,tset", "bad.png", "unknown split"),
    "empty label": ("bad.png,,,", "bad.png", "is empty"),
    "empty file": (",authentic,,", "manifest.csv line 26", "is empty"),
    "undecodable image": ("text.png,authentic,,", "text.png", "not an image"),
    "mask of another size": ("bad.png,manipulated,mask.png,", "bad.png", "mask: the mask is"),
}


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_row_is_left_out_and_listed_with_its_reason(tmp_path: Path, kind: str):
    row, image_id, reason = BAD_ROWS[kind]
    found = validate(build_with(tmp_path, row), ValidationSettings(workers=1), silent)
    assert found.passed, "one row of 25 is fewer than a tenth"
    assert [r.image_id for r in found.rejected] == [image_id]
    assert reason in found.rejected[0].reason
    assert found.rows == 24


@pytest.mark.parametrize("kind", BAD_ROWS)
def test_bad_row_stops_the_run_beyond_the_share(tmp_path: Path, kind: str):
    row, _, reason = BAD_ROWS[kind]
    strict = ValidationSettings(workers=1, max_rejected_share=0)
    found = validate(build_with(tmp_path, row), strict, silent)
    with pytest.raises(SchemaViolation, match=f"few rows are rejected.*{reason}"):
        check(found)


def build_with(folder: Path, row: str) -> Dataset:
    """A dataset of a folder with twenty-four good rows and the given one."""
    source = folder / "in"
    source.mkdir()
    rows = []
    for made in samples():
        (source / f"{made.image_id}.png").write_bytes(made.image)
        rows.append(f"{made.image_id}.png,{made.label},,{made.split}")
    (source / "bad.png").write_bytes(images.encode_png(scene(99, 64, 96)))
    (source / "mask.png").write_bytes(images.encode_mask(np.eye(32, dtype=bool)))
    (source / "text.png").write_text("a text")
    (source / "manifest.csv").write_text("\n".join(["file,label,mask,split", *rows, row]) + "\n")
    return build_dataset(DataSettings(source="folder", options={"path": source}, workers=1), folder)


def test_refusal_names_the_row_of_every_reason_and_few_reasons(tmp_path: Path):
    dataset = stored(tmp_path, samples())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    words = ("torn", "empty", "black", "odd", "grey", "wide", "tall")
    manifest["rejected"] = [{"image_id": f"{w}.png", "reason": f"so {w} it is"} for w in words]
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    found = validate(Dataset(dataset.path), ValidationSettings(workers=1), silent)
    with pytest.raises(SchemaViolation, match=r"black\.png: so black .*, and 2 more reasons; corr"):
        check(found)


@pytest.mark.parametrize(
    "limits", [{"min_side": 100, "max_side": 50}, {"min_mask_share": 0.9, "max_mask_share": 0.1}]
)
def test_limits_that_no_image_can_meet_are_refused(limits: dict[str, float]):
    with pytest.raises(ValidationError, match=" is above ".join(limits)):
        ValidationSettings.model_validate(limits)


def test_exception_that_names_no_probe_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    validated(tmp_path, shortcuts={"exceptions": ("scnes/dimensions",)})
    assert "scnes/dimensions is not probed here" in caplog.text


def test_validation_survives_json(tmp_path: Path):
    found = validated(tmp_path, put(3, "label", "authentc"))
    assert Validation.from_dict(json.loads(json.dumps(found.as_dict()))) == found


def test_shortcut_alone_is_refused_as_one(tmp_path: Path):
    wide = [
        sample(
            n, 64, 96 if n % 2 else 72, licence="CC0", split=Split.TRAIN, label=list(Label)[n % 2]
        )
        for n in range(40)
    ]
    found = validate(stored(tmp_path, wide), ValidationSettings(workers=1), silent)
    with pytest.raises(ShortcutFound, match=r"'scenes/dimensions' in validation\.shortcuts\.exc"):
        check(found)
