"""What a folder of photographs holds, and what of it is no photograph."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from assay import images
from assay.errors import ConfigError
from assay.experts.photographs import Photographs, gather
from tests.scenes import scene


def test_photographs_are_found_at_any_depth(photographs: Photographs, folder: Path) -> None:
    names = [path.relative_to(folder).as_posix() for path in photographs.files]
    assert names == ["a.png", "b.png", "c.png", "more/d.png"]
    assert not photographs.left_out


def test_other_files_are_named_and_hidden_ones_are_not_looked_at(tmp_path: Path) -> None:
    (tmp_path / ".hidden").mkdir()
    for name in ("a.png", ".b.png", ".hidden/c.png"):
        (tmp_path / name).write_bytes(images.encode_png(scene()))
    (tmp_path / "terms.txt").write_text("CC0")
    found = gather(tmp_path)
    assert [path.name for path in found.files] == ["a.png"]
    assert list(found.left_out) == ["terms.txt"]
    assert "not an image" in found.left_out["terms.txt"]


def test_hash_follows_the_photographs_wherever_they_lie(
    photographs: Photographs, folder: Path, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copied / "README.md").write_text("about them")
    assert gather(copied).content_hash == photographs.content_hash
    (copied / "a.png").write_bytes(images.encode_png(scene(9)))
    assert gather(copied).content_hash != photographs.content_hash


def test_folder_without_photographs_is_answered_with_what_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ConfigError, match="put there authentic photographs of high resolution"):
        gather(tmp_path)
