from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from assay.ammeba import tables
from assay.ammeba.tables import iso, read_annotations, read_fact_checks, read_images
from assay.errors import SchemaViolation, UnsafeArchive
from tests.ammeba import csvs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return csvs.example(tmp_path / "ammeba")


def zipped(folder: Path, inside: str = "") -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, f"{inside}{file.name}")
    return path


def test_flags_are_true_false_or_not_there(folder: Path):
    first, second, third = read_annotations(folder)
    assert first.flags == {"content_manipulation": True}
    assert second.flags == {"content_manipulation": False, "context_manipulation": True}
    assert third.flags == {}
    assert [row.disqualified for row in (first, second, third)] == [False, False, True]


@pytest.mark.parametrize(
    ("written", "is_so"),
    [("yes", True), ("1", True), ("no", False), ("0.0", False), ("", False), ("?", True)],
)
def test_whatever_does_not_deny_it_disqualifies(tmp_path: Path, written: str, is_so: bool):
    csvs.written(tmp_path, [{"image_id": "aa", "disqualified": written}], [], [])
    assert [row.disqualified for row in read_annotations(tmp_path)] == [is_so]


def test_times_become_iso(folder: Path):
    assert next(r.submitted_at for r in read_annotations(folder) if r.submitted_at) == (
        "2023-02-23T12:59:21+00:00"
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2023.02.23 12:59:21", "2023-02-23T12:59:21+00:00"),
        ("2023-02-23", "2023-02-23"),
        ("2023/2/3", "2023-02-03"),
        ("2023-02-23T12:59:21+02:00", "2023-02-23T10:59:21+00:00"),
        ("23 February", ""),
        ("2023.02.31", ""),
        (None, ""),
    ],
)
def test_iso_reads_what_is_written_there(written: str | None, read: str):
    assert iso(written) == read


def test_facts_that_are_missing_are_none(folder: Path):
    first, second = read_images(folder)
    assert (first.url, first.phash, first.width) == (
        "https://i.example/a.jpg",
        "ff00ff00ff00ff00",
        None,
    )
    assert (second.url, second.average_hash, second.width, second.height) == ("", "", 640, None)


def test_title_is_one_line(folder: Path):
    assert [a.title for a in read_fact_checks(folder)][1] == 'No, "this" is not'


def test_byte_order_mark_is_no_part_of_a_column(folder: Path):
    file = folder / "fact_checks.csv"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    assert len(list(read_fact_checks(folder))) == 3


def test_zip_reads_as_its_folder_does(folder: Path):
    for inside in ("", "archive/data/"):
        assert list(read_annotations(zipped(folder, inside))) == list(read_annotations(folder))


def test_zip_with_two_of_a_file_is_refused(folder: Path):
    path = zipped(folder)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("copy/stage_2.csv", "")
    with pytest.raises(SchemaViolation, match=r"more than one stage_2\.csv"):
        list(read_annotations(path))


def test_zip_with_a_name_that_leads_out_is_refused(folder: Path):
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w") as archive:
        archive.writestr("../stage_2.csv", "image_id\n")
    with pytest.raises(SchemaViolation, match="leads out"):
        list(read_annotations(folder.with_suffix(".zip")))


def test_file_that_is_no_zip_is_refused(tmp_path: Path):
    (tmp_path / "no.zip").write_bytes(b"nothing")
    with pytest.raises(UnsafeArchive):
        list(read_annotations(tmp_path / "no.zip"))


def test_missing_column_is_named_with_its_file(folder: Path):
    file = folder / "image_metadata.csv"
    file.write_text(file.read_text().replace("phash", "p_hash", 1))
    with pytest.raises(SchemaViolation, match=r"image_metadata\.csv: no column 'phash', did you"):
        list(read_images(folder))


def test_column_that_is_not_asked_for_may_hold_anything(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Far below its first value stands: it must not be taken for one that is empty, or numbers."""
    monkeypatch.setattr(tables, "_BLOCK", 1024)
    rows = [{"image_id": f"{n}", "num_faces": "" if n < 99 else "no"} for n in range(100)]
    csvs.written(folder, [], rows, [])
    assert len(list(read_images(folder))) == 100


def test_missing_file_is_named(folder: Path):
    (folder / "fact_checks.csv").unlink()
    with pytest.raises(SchemaViolation, match=r"holds no fact_checks\.csv"):
        list(read_fact_checks(folder))


def test_other_encoding_is_refused(folder: Path):
    (folder / "fact_checks.csv").write_bytes(
        b"fact_check_url,review_date,fact_check_title\nhttps://f.example,2020-01-01,caf\xe9\n"
    )
    with pytest.raises(SchemaViolation, match="UTF-8"):
        list(read_fact_checks(folder))


@pytest.mark.shared
def test_published_row_is_understood(tmp_path: Path, shared_data: Path):
    published = json.loads((shared_data / "ammeba" / "stage_2_example_row.json").read_text())
    csvs.written(tmp_path, [published], [], [])
    (row,) = read_annotations(tmp_path)
    assert row.flags["content_manipulation"] is False
    assert row.flags["self_miscontextualizing"] is True
    assert row.submitted_at == "2023-02-23T12:59:21+00:00"
