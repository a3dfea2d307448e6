"""Several sources in one build: names apart, pictures together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from assay import images, sources
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.records import Rejected
from tests.scenes import scene


@pytest.fixture
def options(tmp_path: Path) -> dict[str, Any]:
    """Two folders with equal file names, one picture in both and one nearly so."""
    named = {}
    for number, name in enumerate(("one", "other")):
        for label, first in (("authentic", 0), ("manipulated", 50)):
            folder = tmp_path / name / label
            folder.mkdir(parents=True)
            for place in range(8):
                seed = first + place + 100 * number * (place > 1)
                (folder / f"{place}.png").write_bytes(images.encode_png(scene(seed, 64, 64)))
        named[name] = {"source": "folder", "options": {"path": tmp_path / name}}
    again = images.encode_jpeg(scene(2, 64, 64), 90)
    (tmp_path / "other" / "authentic" / "2.jpg").write_bytes(again)
    return {"sources": named}


def test_ids_begin_with_the_name_of_the_source(options: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "one" / "authentic" / "gone.png").symlink_to(tmp_path / "nowhere")
    rows = list(sources.create("several", options).fetch())
    assert {row.image_id.partition("/")[0] for row in rows} == {"one", "other"}
    assert len({row.image_id for row in rows}) == len(rows) >= 33
    rejected = [row.image_id for row in rows if isinstance(row, Rejected)]
    assert set(rejected) <= {"one/authentic/gone.png"}


def test_groups_are_found_across_sources(options: dict[str, Any], tmp_path: Path) -> None:
    settings = DataSettings(source="several", options=options, workers=1)
    rows = {r["image_id"]: r for r in build_dataset(settings, tmp_path / "out").table().to_pylist()}
    for one, other in (("0.png", "0.png"), ("2.png", "2.jpg")):
        first, second = rows[f"one/authentic/{one}"], rows[f"other/authentic/{other}"]
        assert first["group"] == second["group"]
        assert first["split"] == second["split"]


def test_conflicts_are_found_across_sources(options: dict[str, Any], tmp_path: Path) -> None:
    wrong = tmp_path / "other" / "manipulated" / "wrong.png"
    wrong.write_bytes(images.encode_png(scene(5, 64, 64)))
    settings = DataSettings(source="several", options=options, workers=1)
    told = {r["image_id"]: r["reason"] for r in build_dataset(settings, tmp_path / "out").rejected}
    assert "other/manipulated/wrong.png" in told["one/authentic/5.png"]


def test_change_in_one_source_changes_the_fingerprint(
    options: dict[str, Any], tmp_path: Path
) -> None:
    before = sources.create("several", options).fingerprint()
    (tmp_path / "other" / "authentic" / "0.png").write_bytes(b"another")
    assert sources.create("several", options).fingerprint() != before


@pytest.mark.parametrize("named", [{}, {"a/b": {"source": "photos"}}])
def test_names_that_cannot_begin_an_id_are_refused(named: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        sources.create("several", {"sources": named})


def test_unknown_member_is_refused_at_once() -> None:
    with pytest.raises(ValidationError, match="did you mean 'folder'"):
        sources.create("several", {"sources": {"a": {"source": "foldr"}}})
