"""Bulk scoring: a row for whatever is there, sorted, resumable; the detector is a simple rule."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import TypeAdapter

from assay import parameters, scoring
from assay.errors import ConfigError, DataError, SchemaViolation, StorageError
from assay.journal import Journal
from assay.records import Label, Photo, Verdict
from assay.scoring import COLUMNS, score


class Brightness:
    """A detector by rule: the brighter, the more suspicious. Counts what it was asked."""

    version = "brightness-1"

    def __init__(self, fail_after: int = 10**9) -> None:
        self.asked = 0
        self.fail_after = fail_after

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        if self.asked >= self.fail_after:
            raise KeyboardInterrupt
        self.asked += len(photos)
        return [self._verdict(float(photo.pixels.mean()) / 255) for photo in photos]

    def _verdict(self, p: float) -> Verdict:
        shares = dict(zip(Label, (1 - p, p / 2, p / 2), strict=True))
        label = Label.MANIPULATED if p > 0.5 else Label.AUTHENTIC
        return Verdict(label, p, shares, needs_review=0.4 < p < 0.6, model_version=self.version)


def encoded(level: int, container: str = "PNG", mode: str = "RGB") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), (level, level, level)).convert(mode).save(stream, container)
    return stream.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Good files and bad ones, at two depths, beside files that are no images by name."""
    root = tmp_path / "images"
    (root / "deep").mkdir(parents=True)
    for level in range(20):
        (root / "deep" / f"{level:02d}.png").write_bytes(encoded(level * 12))
    (root / "cmyk.JPG").write_bytes(encoded(200, "JPEG", "CMYK"))
    (root / "text.jpg").write_text("not an image")
    (root / "empty.png").touch()
    (root / "cut.jpeg").write_bytes(encoded(9, "JPEG")[:200])
    (root / "notes.txt").write_text("not scored")
    return root


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_score_gives_one_row_an_image_sorted_by_file(folder: Path, tmp_path: Path, suffix: str):
    output = tmp_path / "new" / f"scores{suffix}"
    returned = score(folder, output, Brightness())
    stored = pd.read_parquet(output) if suffix == ".parquet" else pd.read_csv(output)
    assert list(stored.columns) == list(COLUMNS)
    assert list(stored["file"]) == sorted(stored["file"]) == list(returned["file"])
    assert len(stored) == 24
    assert [p.name for p in output.parent.iterdir()] == [output.name]


def test_score_states_why_a_file_could_not_be_read(folder: Path, tmp_path: Path):
    rows = score(folder, tmp_path / "a.csv", Brightness()).set_index("file")
    failed = rows[rows["error"] != ""]
    assert set(failed.index) == {"text.jpg", "empty.png", "cut.jpeg"}
    assert failed["score"].isna().all()
    assert rows.loc["cmyk.JPG", "error"] == ""


def test_score_probabilities_sum_to_one(folder: Path, tmp_path: Path):
    score(folder, tmp_path / "a.csv", Brightness())
    rows = pd.read_csv(tmp_path / "a.csv").dropna(subset="score")
    total = rows[[f"p_{label}" for label in Label]].sum(axis=1)
    np.testing.assert_allclose(total, 1, atol=1e-12)
    np.testing.assert_allclose(rows["score"], 1 - rows["p_authentic"], atol=1e-12)


def test_score_goes_on_where_it_was_killed(folder: Path, tmp_path: Path):
    output = tmp_path / "a.csv"
    with pytest.raises(KeyboardInterrupt):
        score(folder, output, Brightness(fail_after=1))
    assert not output.exists()
    journal = tmp_path / ".a.csv.journal"
    journal.write_text(journal.read_text() + '{"key": "torn')
    second = Brightness()
    rows = score(folder, output, second)
    assert 0 < second.asked < 21
    pd.testing.assert_frame_equal(rows, score(folder, tmp_path / "b.csv", Brightness()))


@pytest.mark.parametrize("damage", [b"\xff\xfe\0\n", b"\n\n", b"[]\n", b"\0\0\0\0"])
def test_score_survives_a_damaged_journal(damage: bytes, folder: Path, tmp_path: Path):
    (tmp_path / ".a.csv.journal").write_bytes(damage)
    assert len(score(folder, tmp_path / "a.csv", Brightness())) == 24


def test_score_starts_afresh_with_another_model(folder: Path, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        score(folder, tmp_path / "a.csv", Brightness(fail_after=1))
    other = Brightness()
    other.version = "brightness-2"
    score(folder, tmp_path / "a.csv", other)
    assert other.asked == 21


def test_score_reads_the_images_of_a_table(tmp_path: Path):
    images = [encoded(10), b"nonsense", encoded(250)]
    pd.DataFrame({"file": ["b", "a", "b"], "image": images}).to_parquet(tmp_path / "t.parquet")
    rows = score(tmp_path / "t.parquet", tmp_path / "a.csv", Brightness())
    assert list(rows["file"]) == ["a", "b", "b"]
    assert list(rows["error"] == "") == [False, True, True]


def test_score_refuses_a_table_without_images(tmp_path: Path):
    pd.DataFrame({"picture": [b""]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(SchemaViolation, match="no column 'image'"):
        score(tmp_path / "t.parquet", tmp_path / "a.csv", Brightness())


def test_score_takes_a_named_file_whatever_its_suffix(tmp_path: Path):
    (tmp_path / "upload").write_bytes(encoded(250))
    rows = score(tmp_path / "upload", tmp_path / "a.csv", Brightness())
    assert list(rows["file"]) == ["upload"]
    assert rows["score"][0] == pytest.approx(250 / 255)


def test_score_of_nothing_says_what_is_scored(tmp_path: Path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"\.webp"):
        score(tmp_path / "empty", tmp_path / "a.csv", Brightness())


def arguments(source: Path, output: str) -> dict[str, Any]:
    schema = parameters.signature(Path("pipelines/score.py").resolve())
    return parameters.validate(schema, {"input": str(source), "output": output})


def test_output_may_only_be_left_out_for_one_image(folder: Path):
    assert arguments(folder / "cmyk.JPG", "")["output"] == ""
    with pytest.raises(ConfigError, match="output: required"):
        arguments(folder, "")


def test_output_replaces_neither_the_input_nor_a_folder(tmp_path: Path):
    table, directory = tmp_path / "t.parquet", tmp_path / "d.csv"
    table.touch()
    directory.mkdir()
    with pytest.raises(ConfigError, match="output: is the input"):
        arguments(table, f"{tmp_path}/../{tmp_path.name}/t.parquet")
    with pytest.raises(ConfigError, match="output: is a folder"):
        arguments(table, str(directory))


def test_output_path_validates_without_an_input():
    assert TypeAdapter(scoring.OutputPath).validate_python("a.csv") == "a.csv"


def test_score_escapes_a_name_that_is_not_utf8(tmp_path: Path):
    (tmp_path / "images").mkdir()
    Path(os.fsdecode(os.fsencode(tmp_path / "images") + b"/a\xff.png")).write_bytes(encoded(9))
    rows = score(tmp_path / "images", tmp_path / "a.csv", Brightness())
    assert list(rows["file"]) == ["a\\xff.png"]


def test_score_judges_anew_what_changed_since_it_was_killed(folder: Path, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        score(folder, tmp_path / "a.csv", Brightness(fail_after=1))
    (folder / "cmyk.JPG").write_bytes(encoded(250))
    (folder / "cut.jpeg").unlink()
    rows = score(folder, tmp_path / "a.csv", Brightness())
    pd.testing.assert_frame_equal(rows, score(folder, tmp_path / "b.csv", Brightness()))


def test_score_starts_afresh_with_a_table_that_changed(tmp_path: Path):
    table = tmp_path / "t.parquet"
    pd.DataFrame({"image": [encoded(9)] * 40}).to_parquet(table)
    with pytest.raises(KeyboardInterrupt):
        score(table, tmp_path / "a.csv", Brightness(fail_after=1))
    pd.DataFrame({"image": [encoded(200)] * 40}).to_parquet(table)
    rows = score(table, tmp_path / "a.csv", Brightness())
    assert list(rows["score"]) == pytest.approx([200 / 255] * 40)


def test_score_lets_no_two_runs_write_one_output(folder: Path, tmp_path: Path):
    with Journal.beside(tmp_path / "a.csv", {}), pytest.raises(StorageError, match="another run"):
        score(folder, tmp_path / "a.csv", Brightness())


@pytest.mark.parametrize("images", [[1, 2], ["a", "b"]])
def test_score_refuses_a_column_without_bytes(images: list[Any], tmp_path: Path):
    pd.DataFrame({"image": images}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(SchemaViolation, match="must hold images' bytes"):
        score(tmp_path / "t.parquet", tmp_path / "a.csv", Brightness())


def test_score_refuses_a_damaged_table(tmp_path: Path):
    (tmp_path / "t.parquet").write_text("not Parquet")
    with pytest.raises(SchemaViolation, match=r"t\.parquet is no Parquet table"):
        score(tmp_path / "t.parquet", tmp_path / "a.csv", Brightness())


def test_score_names_a_row_without_a_name_by_its_number(tmp_path: Path):
    pd.DataFrame({"file": ["z", None], "image": [encoded(9)] * 2}).to_parquet(
        tmp_path / "t.parquet"
    )
    rows = score(tmp_path / "t.parquet", tmp_path / "a.csv", Brightness())
    assert list(rows["file"]) == ["000000001", "z"]


def test_journal_rows_survive_as_json(folder: Path, tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        score(folder, tmp_path / "a.csv", Brightness(fail_after=1))
    lines = (tmp_path / ".a.csv.journal").read_text().splitlines()
    assert json.loads(lines[0])["model"] == "brightness-1"
    assert all({"key", *COLUMNS} <= set(json.loads(line)) for line in lines[1:])


def test_paths_may_start_at_the_users_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "a.png").touch()
    given = {scoring.InputPath: "~/a.png", scoring.OutputPath: "~/a.csv"}
    read = [TypeAdapter(kind).validate_python(path) for kind, path in given.items()]
    assert read == [str(tmp_path / "a.png"), str(tmp_path / "a.csv")]
