"""A user's folder: every form of label, and every way to get a manifest wrong."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from assay import images
from assay.errors import SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from assay.sources.folder import Folder
from tests.scenes import scene

IMAGE = images.encode_png(scene(0, 64, 64))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two images and a mask, without labels."""
    for name in ("a.png", "b.png", "mask.png"):
        (tmp_path / name).write_bytes(IMAGE)
    return tmp_path


def with_csv(folder: Path, *lines: str) -> Folder:
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return Folder(path=folder)


def fetched(source: Folder) -> dict[str, Sample]:
    """The samples by name; a rejected one fails the test."""
    return {s.image_id: s for s in source.fetch() if isinstance(s, Sample)}


def as_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    pd.DataFrame(rows).to_csv(path / "manifest.csv", index=False)


def as_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    (path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))


def as_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pd.DataFrame(rows).to_parquet(path / "manifest.parquet")


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
def test_manifest_forms_say_the_same(
    folder: Path, write: Callable[[Path, list[dict[str, Any]]], None]
) -> None:
    edited = {"kind": "splice", "mask": "mask.png", "split": "val", "group": "g", "dataset": "d"}
    more = {"licence_or_terms": "CC0", "caption": "Ünïcode, with a comma", "unknown": 3}
    write(
        folder,
        [
            {"file": "a.png", "label": "authentic"},
            {"file": "b.png", "label": "Manipulated"} | edited | more,
        ],
    )
    samples = fetched(Folder(path=folder))
    assert samples["a.png"] == Sample(
        "a.png", IMAGE, Label.AUTHENTIC, source="folder", dataset=folder.name
    )
    assert samples["b.png"] == Sample(
        image_id="b.png",
        image=IMAGE,
        label=Label.MANIPULATED,
        manipulation="splice",
        mask=IMAGE,
        source="folder",
        dataset="d",
        group="g",
        split=Split.VALIDATION,
        licence="CC0",
        caption="Ünïcode, with a comma",
    )


def test_folder_without_a_manifest_is_labelled_by_its_sub_folders(tmp_path: Path) -> None:
    for label in Label:
        (tmp_path / label / "deep").mkdir(parents=True)
        (tmp_path / label / "deep" / "1.png").write_bytes(IMAGE)
    (tmp_path / "authentic" / ".DS_Store").write_bytes(b"hidden")
    (tmp_path / "authentic" / ".thumbnails").mkdir()
    (tmp_path / "authentic" / ".thumbnails" / "1.png").write_bytes(IMAGE)
    labels = {name: sample.label for name, sample in fetched(Folder(path=tmp_path)).items()}
    assert labels == {f"{label}/deep/1.png": label for label in Label}


def test_authentic_rows_have_no_kind(folder: Path) -> None:
    source = with_csv(folder, "file,label,kind", "a.png,authentic,none", "b.png,manipulated,none")
    assert [sample.manipulation for sample in fetched(source).values()] == ["", ""]


def test_missing_files_are_rejected_with_the_reason(folder: Path) -> None:
    source = with_csv(
        folder, "file,label,mask", "gone.png,authentic,", "a.png,manipulated,gone-too.png"
    )
    rejected = {row.image_id: row.reason for row in source.fetch() if isinstance(row, Rejected)}
    assert "manifest.csv line 2: there is no file 'gone.png'" in rejected["gone.png"]
    assert "manifest.csv line 3: there is no file 'gone-too.png'" in rejected["a.png"]


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ("a.png,authentc,", "a.png", "line 3: unknown label 'authentc', did you mean 'authentic'"),
        ("a.png,authentic,tset", "a.png", "line 3: unknown split 'tset', did you mean 'test'"),
        ("a.png,,", "a.png", "line 3: column 'label' is empty; fill it or drop the row"),
        (",authentic,", "manifest.csv line 3", "line 3: column 'file' is empty"),
    ],
)
def test_faulty_rows_are_rejected_and_the_others_kept(
    folder: Path, row: str, name: str, reason: str
) -> None:
    source = with_csv(folder, "file,label,split", "b.png,authentic,train", row)
    rejected = {r.image_id: r.reason for r in source.fetch() if isinstance(r, Rejected)}
    assert list(rejected) == [name]
    assert reason in rejected[name]
    assert list(fetched(source)) == [entry.file for entry in source.entries()] == ["b.png"]


def test_faulty_rows_change_the_fingerprint(folder: Path) -> None:
    before = with_csv(folder, "file,label", "b.png,authentic", "a.png,authentc").fingerprint()
    assert before != with_csv(folder, "file,label", "b.png,authentic").fingerprint()


def test_faulty_rows_may_not_lead_out_of_the_folder(folder: Path) -> None:
    with pytest.raises(SchemaViolation, match="leads out of the folder"):
        with_csv(folder, "file,label", "../a.png,authentc").entries()


@pytest.mark.parametrize("column", ["file", "kind", "split", "group", "dataset", "licence"])
@pytest.mark.parametrize("sign", ["\n", "\x1b[31m", "\x07", "\x9b"])
def test_control_characters_are_rejected_and_not_repeated(
    folder: Path, column: str, sign: str
) -> None:
    row = {"file": "a.png", "label": "manipulated"} | {column: f"a{sign}b"}
    as_jsonl(folder, [row])
    (rejected,) = Folder(path=folder).fetch()
    assert isinstance(rejected, Rejected)
    assert f"manifest.jsonl line 1: column '{column}' holds control" in rejected.reason
    assert sign not in rejected.image_id + rejected.reason


def test_captions_may_have_lines_and_no_half_characters(folder: Path) -> None:
    as_jsonl(
        folder,
        [
            {"file": "a.png", "label": "authentic", "caption": "two\nlines"},
            {"file": "b.png", "label": "authentic", "caption": "\ud800"},
        ],
    )
    source = Folder(path=folder)
    assert list(fetched(source)) == ["a.png"]
    assert [r.image_id for r in source.fetch() if isinstance(r, Rejected)] == ["b.png"]


def test_file_names_with_control_characters_are_rejected(folder: Path) -> None:
    (folder / "authentic").mkdir()
    (folder / "authentic" / "a\x1bb.png").write_bytes(IMAGE)
    (rejected,) = Folder(path=folder).fetch()
    assert isinstance(rejected, Rejected)
    assert rejected.image_id == r"'authentic/a\x1bb.png'"


def test_too_large_files_are_rejected_unread(folder: Path) -> None:
    with (folder / "huge.png").open("wb") as file:
        file.truncate(images.MAX_BYTES + 1)  # sparse: takes no room on disk
    source = with_csv(folder, "file,label", "huge.png,authentic")
    assert [type(row) for row in source.fetch()] == [Rejected]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["file,lable", "a.png,authentic"], "line 2: no column 'label', did you mean 'lable'"),
        (["path,label", "a.png,authentic"], "no column 'file'"),
        (["file,label", "a.png,authentic,x,y"], "more values than columns"),
        (["file,label", "a.png,authentic", "a.png,authentic"], "line 3: a.png stands in .* line 2"),
        (["file,label"], "lists no image"),
        (["file,label", "../a.png,authentic"], "leads out of the folder"),
        (["file,label", "/etc/passwd,authentic"], "leads out of the folder"),
        (["file,label,mask", "a.png,authentic,../../m.png"], "leads out of the folder"),
        (["file,label", "a\0.png,authentic"], "is no path"),
    ],
)
def test_wrong_manifests_are_named_with_place_and_remedy(
    folder: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(SchemaViolation, match=message):
        with_csv(folder, *lines).entries()


def test_links_out_of_the_folder_are_refused(folder: Path, tmp_path_factory: Any) -> None:
    outside = tmp_path_factory.mktemp("outside") / "secret.png"
    outside.write_bytes(IMAGE)
    (folder / "link.png").symlink_to(outside)
    with pytest.raises(SchemaViolation, match="leads out of the folder"):
        with_csv(folder, "file,label", "link.png,authentic").entries()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("manifest.csv", b"file,label\n\xff\xfe,authentic\n", "save it as CSV in UTF-8"),
        ("manifest.jsonl", b'{"file": "a.png"', "line 1: .* write one object a line"),
        ("manifest.jsonl", b"[1]", "line 1 is no object"),
        ("manifest.parquet", b"no parquet", "save it as Parquet again"),
    ],
)
def test_unreadable_manifests_are_refused(
    folder: Path, name: str, content: bytes, message: str
) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(SchemaViolation, match=message):
        Folder(path=folder).entries()


def test_parquet_manifests_name_the_nearest_column(folder: Path) -> None:
    as_parquet(folder, [{"file": "a.png", "labels": "authentic"}])
    with pytest.raises(SchemaViolation, match="row 1: no column 'label', did you mean 'labels'"):
        Folder(path=folder).entries()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "found none"),
        (("real", "fake"), "found 'fake', 'real'"),
        (("authentic", "manipulatd"), "'manipulatd', did you mean 'manipulated'"),
    ],
)
def test_unlabelled_folders_are_refused(
    tmp_path: Path, names: tuple[str, ...], message: str
) -> None:
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(SchemaViolation, match=message):
        Folder(path=tmp_path).entries()


def test_options_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="path"):
        Folder(path=tmp_path / "absent")
    with pytest.raises(SchemaViolation, match=r"holds no labels\.csv"):
        Folder(path=tmp_path, manifest="labels.csv").entries()


def test_path_may_start_at_the_users_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder.parent))
    assert Folder(path=f"~/{folder.name}").path == folder
    with pytest.raises(ValidationError, match="path"):
        Folder(path="~no-such-user/images")


def test_fingerprint_follows_manifest_and_files(folder: Path) -> None:
    source = with_csv(folder, "file,label", "a.png,authentic")
    before = source.fingerprint()
    assert before == source.fingerprint()
    os.utime(folder / "b.png", (1, 1))
    assert before == source.fingerprint(), "b.png is not listed"
    os.utime(folder / "a.png", (1, 1))
    touched = source.fingerprint()
    with_csv(folder, "file,label", "a.png,manipulated")
    assert len({before, touched, source.fingerprint()}) == 3


def test_fetch_starts_with_a_fair_sample(tmp_path: Path) -> None:
    for name in [*(f"a{i}.png" for i in range(40)), *(f"b{i}.png" for i in range(40))]:
        (tmp_path / name).write_bytes(b"")
    rows = sorted(path.name for path in tmp_path.iterdir())
    source = with_csv(tmp_path, "file,label", *(f"{name},authentic" for name in rows))
    first = [entry.file[0] for entry in source.entries()[:20]]
    assert 5 <= first.count("a") <= 15


@pytest.mark.shared
def test_folder_reads_the_shared_images(shared_data: Path) -> None:
    source = Folder(path=shared_data)
    entries = source.entries()
    assert {entry.split for entry in entries} == {Split.TRAIN, Split.TEST}
    assert sum(bool(entry.mask) for entry in entries) == 277
    assert isinstance(next(source.fetch()), Sample)


def test_folder_name_that_is_not_utf8_is_named(tmp_path: Path):
    (tmp_path / "authentic").mkdir()
    (tmp_path / "authentic" / "a\udcff.png").touch()
    with pytest.raises(SchemaViolation, match="is no path"):
        Folder(path=tmp_path).fingerprint()
