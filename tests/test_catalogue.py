"""Which datasets there are: by name, with what they hold, finished or not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from assay import catalogue
from assay.dataset import MANIFEST
from assay.errors import ConfigError
from assay.records import Label, Rejected, Split
from tests.datasets import stored
from tests.scenes import sample


def build(root: Path, name: str, version: str, created_at: str = "", **changes: object) -> Path:
    """A finished build of three rows, called ``version``."""
    rows = [
        sample(1, split=Split.TRAIN, group="a", licence="CC0"),
        sample(2, split=Split.TRAIN, group="a", label=Label.MANIPULATED, manipulation="splice"),
        sample(3, split=Split.TEST, group="b", licence="CC0"),
    ]
    dataset = stored(root / name, rows)
    manifest = json.loads((dataset.path / MANIFEST).read_text())
    counts = {"label": {"authentic": 2, "manipulated": 1}, "split": {"test": 1, "train": 2}}
    made = {"version": version, "created_at": created_at, "counts": counts}
    made["settings"] = {"source": "scenes"}
    (dataset.path / MANIFEST).write_text(json.dumps(manifest | made | changes))
    return dataset.path


def test_entries_are_the_newest_first_with_what_they_hold(tmp_path: Path) -> None:
    build(tmp_path, "one", "aaaa", "2026-01-01T00:00:00+00:00")
    build(tmp_path, "two", "bbbb", "2026-01-02T00:00:00+00:00")
    newest, oldest = catalogue.entries(tmp_path, {"aaaa": ["v1 champion"]})
    assert (newest.version, newest.models) == ("bbbb", ())
    assert (oldest.version, oldest.models) == ("aaaa", ("v1 champion",))
    assert (oldest.rows, oldest.source) == (3, "scenes")
    assert oldest.labels == {"authentic": 2, "manipulated": 1}
    assert oldest.bytes > 1000


def test_entries_list_builds_that_are_unfinished_or_damaged(tmp_path: Path) -> None:
    (tmp_path / "stopped" / "spool").mkdir(parents=True)
    (tmp_path / ".lock").touch()
    damaged = build(tmp_path, "damaged", "aaaa")
    (damaged / MANIFEST).write_text("[]")
    states = {entry.path.name: entry.state for entry in catalogue.entries(tmp_path)}
    assert states == {"stopped": "unfinished", "damaged": "unreadable"}


def test_entries_of_a_state_that_is_not_there_are_none(tmp_path: Path) -> None:
    assert catalogue.entries(tmp_path / "nowhere") == []
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("name", ["aaaa", "aa", "latest", "{root}/one"])
def test_resolve_takes_version_beginning_latest_and_path(name: str, tmp_path: Path) -> None:
    build(tmp_path, "one", "aaaa", "2026-01-02T00:00:00+00:00")
    build(tmp_path, "two", "abbb", "2026-01-01T00:00:00+00:00")
    assert catalogue.resolve(name.format(root=tmp_path), tmp_path).version == "aaaa"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a", "'a' begins aaaa, abbb; give more of the version"),
        ("aaab", "no dataset 'aaab', did you mean 'aaaa'?; see: python -m assay datasets list"),
        ("lates", "did you mean 'latest'?"),
        ("", "no dataset ''"),
    ],
)
def test_resolve_says_what_is_called_so(name: str, message: str, tmp_path: Path) -> None:
    build(tmp_path, "one", "aaaa")
    build(tmp_path, "two", "abbb")
    with pytest.raises(ConfigError) as refused:
        catalogue.resolve(name, tmp_path)
    assert message in str(refused.value)


def test_resolve_says_how_the_first_dataset_is_built(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"python run\.py --pipeline data_validation"):
        catalogue.resolve("latest", tmp_path)


def test_contents_count_labels_kinds_groups_and_licences(tmp_path: Path) -> None:
    build(tmp_path, "one", "aaaa")
    shown = catalogue.contents(catalogue.resolve("aaaa", tmp_path))
    assert shown.labels_by_split == {
        "test": {"authentic": 1},
        "train": {"authentic": 1, "manipulated": 1},
    }
    assert shown.groups == {"test": 1, "train": 1}
    assert shown.counts["manipulation"] == {"none": 2, "splice": 1}
    assert shown.counts["licence"] == {"CC0": 2, "none": 1}
    assert shown.settings == {"source": "scenes"}


def test_contents_join_rejected_rows_of_one_kind_of_reason(tmp_path: Path) -> None:
    reasons = {
        "a b.png": "m.csv line 2: there is no file a b.png; add it or drop its row",
        "c.png": "m.csv line 9: there is no file c.png; add it or drop its row",
        "m.png": "m.csv line 3: there is no file 'mine.png'; add it or drop its row",
        "n.png": """m.csv line 4: there is no file "it's.png"; add it or drop its row""",
        "d.png": "mask: the mask is 32x32 pixels and its image 64x96; supply one",
    }
    rejected = [{"image_id": name, "reason": reason} for name, reason in reasons.items()]
    build(tmp_path, "one", "aaaa", rejected=rejected)
    first, second = catalogue.contents(catalogue.resolve("aaaa", tmp_path)).rejected
    assert (first.reason, first.count) == ("there is no file", 4)
    assert first.examples[1] == Rejected("c.png", reasons["c.png"])
    assert (second.reason, second.count) == ("mask: the mask is pixels and its image", 1)
