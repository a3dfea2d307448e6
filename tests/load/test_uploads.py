"""What is sent: labels of a folder, whoever gave them, and labels known by construction."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import images
from assay.errors import ConfigError, DataError, SchemaViolation
from assay.load import uploads
from assay.progress import silent
from assay.records import Label
from tests.scenes import scene


def picture(folder: Path, name: str, seed: int) -> bytes:
    data = images.encode_jpeg(scene(seed, 32, 48), 90)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def test_labels_file_labels_what_it_lists(tmp_path: Path):
    data = picture(tmp_path, "a.jpg", 1)
    picture(tmp_path, "b.jpg", 2)
    (tmp_path / "labels.csv").write_text("file,label\na.jpg,manipulated\ngone.jpg,authentic\n")
    found = uploads.of_folder(tmp_path, 10)
    (one,) = found.images
    assert (one.name, one.data, one.expected) == ("a.jpg", data, Label.MANIPULATED)
    assert [rejected.image_id for rejected in found.rejected] == ["gone.jpg"]


def test_sub_folders_label_what_they_hold(tmp_path: Path):
    for number, label in enumerate(Label):
        picture(tmp_path, f"{label}/{number}.jpg", number)
    found = {one.name: one.expected for one in uploads.of_folder(tmp_path, 10).images}
    assert found == {f"{label}/{number}.jpg": label for number, label in enumerate(Label)}


def test_misspelt_label_folder_is_named(tmp_path: Path):
    picture(tmp_path, "manipulatd/a.jpg", 1)
    with pytest.raises(SchemaViolation, match="did you mean 'manipulated'"):
        uploads.of_folder(tmp_path, 10)


def test_folder_without_labels_is_sent_as_it_is_and_damaged_files_too(tmp_path: Path):
    picture(tmp_path, "deep/a.jpg", 1)
    (tmp_path / "b.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("no image either")
    found = uploads.of_folder(tmp_path, 10).images
    assert [(one.name, one.expected) for one in found] == [("b.png", None), ("deep/a.jpg", None)]


def test_no_more_is_read_than_will_be_sent(tmp_path: Path):
    for number in range(5):
        picture(tmp_path, f"{number}.jpg", number)
    assert len(uploads.of_folder(tmp_path, 3).images) == 3


def test_folder_with_nothing_to_send_is_named(tmp_path: Path):
    with pytest.raises(DataError, match="holds no image to send"):
        uploads.of_folder(tmp_path, 1)
    with pytest.raises(ConfigError, match="there is no folder"):
        uploads.of_folder(tmp_path / "none", 1)


def test_bundled_images_are_labelled_by_what_was_done_and_all_differ():
    made = uploads.bundled(12, 1, 1, silent).images
    assert [one.expected is Label.AUTHENTIC for one in made] == [True, False] * 6
    assert {one.expected for one in made} == set(Label)
    assert len({one.data for one in made}) == len({one.name for one in made}) == 12
    assert all(images.decode(one.data).size == (uploads.SIDE, uploads.SIDE) for one in made[:2])


def test_bundled_images_come_again_by_their_seed_alone():
    first, again, other = (uploads.bundled(4, seed, 1, silent).images for seed in (1, 1, 2))
    assert first == again
    assert {one.data for one in first}.isdisjoint(one.data for one in other)
