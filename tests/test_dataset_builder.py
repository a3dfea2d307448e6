"""Building datasets: what goes in, what is kept out, and that it can be cut short anywhere."""

from __future__ import annotations

import ast
import json
from collections import Counter
from pathlib import Path

import pytest

import assay
from assay import dataset_builder, images
from assay.dataset import Dataset, DataSettings
from assay.dataset_builder import CODE, build_dataset
from assay.errors import ConfigError, SchemaViolation, StorageError, UnknownPlugin
from assay.records import BASIC_SPLITS, Label
from tests.scenes import scene

EDITS = ("copy_move", "text_overlay")
PHOTOS = {"options": {"crop_size": 64}, "limit": 51, "pair_size": 64, "manipulations": EDITS}


def folder_of(path: Path, count: int = 12, extra: str = "") -> DataSettings:
    """A folder of different authentic pictures, and settings to read it in this process."""
    path.mkdir()
    for seed in range(count):
        (path / f"{seed}.png").write_bytes(images.encode_png(scene(seed, 64, 64)))
    rows = "".join(f"{seed}.png,authentic,,\n" for seed in range(count))
    (path / "manifest.csv").write_text(f"file,label,mask,split\n{rows}{extra}")
    return DataSettings(source="folder", options={"path": path}, workers=1, pair_size=64)


def with_edits(settings: DataSettings, **changes: object) -> DataSettings:
    return settings.model_copy(update={"manipulations": EDITS, **changes})


def reasons(dataset: Dataset) -> dict[str, str]:
    return {row["image_id"]: row["reason"] for row in dataset.rejected}


def test_build_keeps_a_folder_as_it_is(tmp_path: Path) -> None:
    settings = folder_of(tmp_path / "in")
    dataset = build_dataset(settings, tmp_path)
    assert len(dataset) == 12
    for sample in dataset.samples():
        assert sample.image == (tmp_path / "in" / sample.image_id).read_bytes()
    assert dataset.summary()["split"].keys() == {"train", "validation", "test"}
    dataset.check_splits()


def test_build_stores_masks_in_one_form(tmp_path: Path) -> None:
    grey = scene(1, 64, 64)
    settings = folder_of(tmp_path / "in", extra="edited.png,manipulated,mask.jpg,train\n")
    (tmp_path / "in" / "edited.png").write_bytes(images.encode_png(scene(50, 64, 64)))
    (tmp_path / "in" / "mask.jpg").write_bytes(images.encode_jpeg(grey, 95))
    stored = {s.image_id: s for s in build_dataset(settings, tmp_path).samples()}["edited.png"]
    assert stored.mask == images.encode_mask(images.decode_mask(stored.mask, (64, 64)))


def test_build_edits_authentic_samples_into_pairs(tmp_path: Path) -> None:
    settings = with_edits(folder_of(tmp_path / "in"), pairs_per_sample=2)
    dataset = build_dataset(settings, tmp_path)
    assert Counter(dataset.table(["label"])["label"].to_pylist()) == {
        "authentic": 24,
        "manipulated": 24,
    }
    for sample in dataset.samples():
        photo = images.decode(sample.image)
        assert (photo.format, photo.size) == ("JPEG", (64, 64))
        assert bool(sample.mask) == (sample.label is Label.MANIPULATED)


def test_build_refuses_edits_where_size_would_tell_the_labels_apart(tmp_path: Path) -> None:
    settings = folder_of(tmp_path / "in", extra="edited.png,manipulated,,train\n")
    (tmp_path / "in" / "edited.png").write_bytes(images.encode_png(scene(50, 64, 64)))
    with pytest.raises(ConfigError, match=r"data\.manipulations.*edited\.png.*train_folder"):
        build_dataset(with_edits(settings), tmp_path)
    assert len(build_dataset(settings, tmp_path)) == 13


def test_build_of_photos_is_the_same_in_any_number_of_processes(tmp_path: Path) -> None:
    one, two = (
        build_dataset(DataSettings(workers=workers, **PHOTOS), tmp_path / str(workers))
        for workers in (1, 2)
    )
    assert one.version == two.version
    assert one.path.name == two.path.name
    assert len(one) == 102
    assert set(one.summary()["split"]) == set(BASIC_SPLITS)
    one.check_splits()


def test_build_rejects_bad_rows_with_the_reason(tmp_path: Path) -> None:
    bad = ["text.jpg,authentic,,", "gone.png,authentic,,", "0b.png,manipulated,mask.png,"]
    settings = folder_of(tmp_path / "in", extra="\n".join(bad))
    (tmp_path / "in" / "text.jpg").write_text("a text")
    (tmp_path / "in" / "0b.png").write_bytes(images.encode_png(scene(99, 64, 64)))
    (tmp_path / "in" / "mask.png").write_bytes(images.encode_png(scene(0, 32, 32)))
    dataset = build_dataset(settings, tmp_path)
    assert len(dataset) == 12
    assert "not an image" in reasons(dataset)["text.jpg"]
    assert "no file 'gone.png'" in reasons(dataset)["gone.png"]
    assert "mask: the mask is 32x32" in reasons(dataset)["0b.png"]


def test_build_drops_training_rows_that_are_near_a_test_row(tmp_path: Path) -> None:
    settings = folder_of(
        tmp_path / "in", extra="copy.jpg,authentic,,train\n0again.png,authentic,,test\n"
    )
    original = scene(0, 64, 64)
    (tmp_path / "in" / "copy.jpg").write_bytes(images.encode_jpeg(original, 90))
    (tmp_path / "in" / "0again.png").write_bytes(images.encode_png(original))
    dataset = build_dataset(settings, tmp_path)
    assert list(reasons(dataset)) == ["copy.jpg"]
    assert "held out" in reasons(dataset)["copy.jpg"]
    splits = {row["image_id"]: row["split"] for row in dataset.table().to_pylist()}
    assert splits["0.png"] == splits["0again.png"] == "test"


def test_build_goes_on_where_it_was_cut_short(tmp_path: Path) -> None:
    settings = with_edits(folder_of(tmp_path / "in", 24))
    whole = build_dataset(settings, tmp_path / "whole")
    finished = {}

    def cut_short(done: int, total: int, what: str) -> None:
        if what == "writing shards":
            finished.update({f: f.stat().st_mtime_ns for f in tmp_path.glob("cut/*/*.parquet")})
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_dataset(settings, tmp_path / "cut", cut_short)
    assert len(finished) == 1
    assert not list(tmp_path.glob("cut/*/dataset.json"))
    dataset = build_dataset(settings, tmp_path / "cut")
    assert dataset.version == whole.version
    assert all(file.stat().st_mtime_ns == before for file, before in finished.items())
    assert not list(dataset.path.glob("spool"))


def test_build_is_refused_while_another_run_builds_the_same(tmp_path: Path) -> None:
    settings = folder_of(tmp_path / "in")

    def meet(*_: object) -> None:
        with pytest.raises(StorageError, match="another run builds this dataset"):
            build_dataset(settings, tmp_path)

    assert len(build_dataset(settings, tmp_path, meet)) == 12


def test_build_opens_what_is_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = folder_of(tmp_path / "in")
    first = build_dataset(settings, tmp_path)
    monkeypatch.setattr(dataset_builder, "_build", pytest.fail)
    assert build_dataset(settings.model_copy(update={"workers": 2}), tmp_path).path == first.path


def test_build_starts_again_when_source_settings_or_code_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = folder_of(tmp_path / "in")
    paths = [build_dataset(settings, tmp_path).path]
    paths.append(build_dataset(settings.model_copy(update={"seed": 1}), tmp_path).path)
    (tmp_path / "in" / "0.png").write_bytes(images.encode_png(scene(70, 64, 64)))
    paths.append(build_dataset(settings, tmp_path).path)
    monkeypatch.setattr(dataset_builder, "CODE", CODE[1:])
    paths.append(build_dataset(settings, tmp_path).path)
    assert len(set(paths)) == 4


def test_build_writes_what_it_did_beside_the_shards(tmp_path: Path) -> None:
    dataset = build_dataset(with_edits(folder_of(tmp_path / "in")), tmp_path)
    content = json.loads((dataset.path / "dataset.json").read_text())
    assert content["settings"]["manipulations"] == list(EDITS)
    assert content["counts"]["label"] == {"authentic": 12, "manipulated": 12}
    assert content["counts"]["manipulation"].keys() == {*EDITS, "none"}
    assert content["licences"] == {"none": 24}
    assert content["created_at"].endswith("+00:00")


def test_build_reports_progress_to_the_end(tmp_path: Path) -> None:
    heard: dict[str, tuple[int, int]] = {}
    build_dataset(
        folder_of(tmp_path / "in"),
        tmp_path,
        lambda done, total, what: heard.update({what: (done, total)}),
    )
    assert heard == {"reading images": (12, 12), "writing shards": (12, 12)}


def test_build_refuses_a_source_without_a_usable_image(tmp_path: Path) -> None:
    settings = folder_of(tmp_path / "in", 1)
    (tmp_path / "in" / "0.png").write_bytes(b"")
    with pytest.raises(SchemaViolation, match=r"no usable image .*the file is empty"):
        build_dataset(settings, tmp_path)


@pytest.mark.parametrize("change", [{"source": "foldr"}, {"manipulations": ("splise",)}])
def test_build_refuses_unknown_names(tmp_path: Path, change: dict[str, object]) -> None:
    settings = folder_of(tmp_path / "in").model_copy(update=change)
    with pytest.raises(UnknownPlugin, match="did you mean"):
        build_dataset(settings, tmp_path)


def imported(file: Path) -> set[str]:
    """The modules of `assay` that a file imports, as paths relative to the package."""
    nodes = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.ImportFrom)]
    names = {f"{n.module}.{alias.name}" for n in nodes for alias in n.names} | {
        n.module for n in nodes
    }
    paths = [str(name).split(".")[1:] for name in names if str(name).startswith("assay.")]
    return {"/".join(path) + ".py" for path in paths}


def test_code_names_every_module_that_decides_content() -> None:
    package = Path(assay.__file__).parent
    harmless = {
        *("dataset_store.py", "engines.py", "errors.py", "home.py", "locks.py", "parallel.py"),
        *("places.py", "plugins.py", "progress.py", "settings.py", "storage.py"),
    }
    hashed = {file for pattern in CODE for file in package.glob(pattern)}
    used = {name for file in hashed for name in imported(file) if (package / name).is_file()}
    assert used - harmless <= {str(file.relative_to(package)) for file in hashed}


@pytest.mark.shared
def test_build_honours_the_shared_splits(shared_data: Path, tmp_path: Path) -> None:
    settings = DataSettings(source="folder", options={"path": shared_data}, limit=150, workers=1)
    dataset = build_dataset(settings, tmp_path)
    manifest = (shared_data / "manifest.csv").read_text().splitlines()
    given = {line.split(",")[0] for line in manifest if ",test," in line}
    rows = dataset.table(["image_id", "split"]).to_pylist()
    assert {row["image_id"] for row in rows if row["split"] == "test"} == given & {
        row["image_id"] for row in rows
    }
    assert set(dataset.summary()["split"]) == {"train", "validation", "test"}
