"""AMMeBa from csv to samples, over servers that keep its images badly."""

from __future__ import annotations

import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assay import images, sources
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.errors import SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from assay.sources import Source
from tests import ammeba_set, image_server
from tests.ammeba_set import AmmebaSet

SHARES = {"train": 0.6, "validation": 0.1, "test": 0.1, "online_test": 0.1, "production": 0.1}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmmebaSet]:
    """A served set, and a state folder that the images go to."""
    with image_server.running(hosts=3) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_HOME", str(tmp_path_factory.mktemp("state")))
        yield ammeba_set.build(tmp_path_factory.mktemp("ammeba"), server, pictures=25, side=96)


def source(made: AmmebaSet, **options: Any) -> Source:
    given = {"path": str(made.folder), "download": made.download, "shares": SHARES, "workers": 1}
    return sources.create("ammeba", given | options)


@pytest.fixture(scope="module")
def fetched(made: AmmebaSet) -> list[Sample | Rejected]:
    return list(source(made).fetch())


@pytest.fixture(scope="module")
def samples(fetched: list[Sample | Rejected]) -> dict[str, Sample]:
    return {row.image_id: row for row in fetched if isinstance(row, Sample)}


def test_every_good_image_comes_with_its_label(made: AmmebaSet, samples: dict[str, Sample]):
    assert {name: sample.label for name, sample in samples.items()} == made.labels


def test_every_dropped_row_is_listed_by_its_reason(
    made: AmmebaSet, fetched: list[Sample | Rejected]
):
    reasons = [row.reason.partition(":")[0] for row in fetched if isinstance(row, Rejected)]
    assert Counter(reasons) == made.dropped


def test_edit_comes_with_its_original_and_a_mask(made: AmmebaSet, samples: dict[str, Sample]):
    edits = {name: sample for name, sample in samples.items() if sample.original}
    assert {name: edit.original for name, edit in edits.items()} == made.originals
    for edit in edits.values():
        assert samples[edit.original].label is Label.AUTHENTIC
        assert samples[edit.original].group == edit.group
    masked = [edit for edit in edits.values() if edit.mask]
    assert masked
    assert all(images.decode_mask(e.mask, images.decode(e.image).size).any() for e in masked)


def test_context_and_fact_check_stand_beside_the_label(samples: dict[str, Sample]):
    misused = [sample for sample in samples.values() if sample.context]
    assert misused
    assert {(s.label, s.context) for s in misused} == {(Label.AUTHENTIC, "location")}
    assert all(s.fact_check and s.url and s.published_at for s in samples.values())


def test_later_is_never_learned_from_before_earlier(made: AmmebaSet, samples: dict[str, Sample]):
    reviewed = {article["fact_check_url"]: str(article["review_date"]) for article in made.articles}
    known: dict[str, str] = {}
    for row in made.rows:
        if sample := samples.get(str(row["image_id"])):
            days = reviewed[row["fact_check_url"]], known.get(sample.group, "")
            known[sample.group] = max(days)
    order = [Split.TRAIN, Split.VALIDATION, Split.TEST, Split.ONLINE_TEST, Split.PRODUCTION]
    last = ""
    for split in order:
        latest = [known[s.group] for s in samples.values() if s.split is split]
        assert last < min(latest)
        last = max(latest)


def test_second_look_asks_nobody(
    made: AmmebaSet, samples: dict[str, Sample], fetched: list[Sample | Rejected]
):
    asked = len(made.server.requests)
    again = list(source(made).fetch())
    assert again == fetched
    assert len(made.server.requests) == asked


def test_since_leaves_out_what_was_reviewed_earlier(made: AmmebaSet, samples: dict[str, Sample]):
    newest = max(sample.published_at for sample in samples.values())
    later = [row for row in source(made).fetch(newest[:8]) if isinstance(row, Sample)]
    assert {row.image_id for row in later} == {
        name for name, sample in samples.items() if sample.published_at > newest[:8]
    }


def test_zip_gives_the_same(made: AmmebaSet, fetched: list[Sample | Rejected], tmp_path: Path):
    packed = Path(shutil.make_archive(str(tmp_path / "ammeba"), "zip", made.folder))
    assert zipfile.is_zipfile(packed)
    assert list(source(made, path=str(packed)).fetch()) == fetched


def test_fingerprint_follows_csv_and_options_and_not_the_links(
    made: AmmebaSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = source(made).fingerprint()
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "another"))
    assert source(made, workers=2).fingerprint() == before
    assert source(made, repetition=1).fingerprint() != before
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    assert source(made, path=str(copy)).fingerprint() == before
    with (copy / "fact_checks.csv").open("a") as stream:
        stream.write("https://x.example,2020-01-01,more\n")
    assert source(made, path=str(copy)).fingerprint() != before


def test_copies_on_both_sides_of_a_boundary_never_leak(
    made: AmmebaSet, fetched: list[Sample | Rejected], tmp_path: Path
):
    """The same picture, annotated early and late: the later one stays, held out."""
    copy = shutil.copytree(made.folder, tmp_path / "copy")
    early, late = made.rows[0], made.rows[24]
    listed = {str(row["image_id"]): row for row in made.images}
    first = listed[str(early["image_id"])]
    twice = AmmebaSet(copy, made.server, rows=[*made.rows], images=[*made.images])
    twice.articles = [*made.articles]
    twice.images.append({**first, "image_id": "a" * 56})
    twice.rows.append({**late, "image_id": "a" * 56, "content_manipulation": "false"})
    twice.rows[-1] = {**twice.rows[-1], "premanipulation_image_id": ""}
    twice.write()
    options = {"path": str(copy), "download": made.download, "shares": SHARES, "workers": 1}
    settings = DataSettings(source="ammeba", options=options, workers=1)
    dataset = build_dataset(settings, tmp_path / "datasets")
    dataset.check_splits()
    leaked = [row for row in dataset.rejected if "are held out" in row["reason"]]
    assert [row["image_id"] for row in leaked] == [early["image_id"]]
    splits = dict(zip(*dataset.table(["image_id", "split"]).to_pydict().values(), strict=True))
    assert splits["a" * 56] == Split.PRODUCTION


def test_file_that_is_missing_is_named_before_anything_is_asked(made: AmmebaSet, tmp_path: Path):
    shutil.copy(made.folder / "stage_2.csv", tmp_path)
    with pytest.raises(SchemaViolation, match=r"image_metadata\.csv"):
        next(iter(source(made, path=str(tmp_path)).fetch()))
