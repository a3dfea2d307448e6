from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from assay import images
from assay.errors import SchemaViolation
from assay.records import Label, Rejected, Sample, Split
from assay.sources.sharegpt import ShareGPT
from tests.scenes import scene

GOOD = {
    "conversations": [
        {"from": "human", "value": "<image>What is it?"},
        {"from": "gpt", "value": "Manipulated. The shadow is wrong."},
    ],
    "images": ["a.png"],
}


def source(folder: Path, *records: Any, **entry: Any) -> ShareGPT:
    (folder / "a.png").write_bytes(images.encode_png(scene(0, 64, 64)))
    (folder / "told.json").write_text(json.dumps(records))
    told = {"file_name": "told.json", "formatting": "sharegpt", **entry}
    other = {"file_name": "gone.json"}
    (folder / "dataset_info.json").write_text(json.dumps({"told": told, "other": other}))
    return ShareGPT(path=folder)


def test_a_foreign_conversation_becomes_a_sample(tmp_path: Path) -> None:
    (found,) = source(tmp_path, GOOD).fetch()
    assert isinstance(found, Sample)
    assert (found.image_id, found.label) == ("a.png", Label.MANIPULATED)
    assert found.rationale == "The shadow is wrong."
    assert (found.dataset, found.split) == (tmp_path.name, None)


def test_columns_and_tags_are_those_that_the_entry_names(tmp_path: Path) -> None:
    record = {
        "chat": [{"role": "assistant", "content": "Authentic."}],
        "files": ["a.png"],
        "assay": {"image_id": "b", "split": "validation"},
    }
    columns = {"messages": "chat", "images": "files", "system": "system"}
    tags = {"role_tag": "role", "content_tag": "content", "assistant_tag": "assistant"}
    (found,) = source(tmp_path, record, columns=columns, tags=tags).fetch()
    assert isinstance(found, Sample)
    assert (found.image_id, found.split) == ("b", Split.VALIDATION)


BAD = {
    "no object": 7,
    "no conversation": {"images": ["a.png"]},
    "no answer": GOOD | {"conversations": GOOD["conversations"][:1]},  # type: ignore[operator]
    "no verdict": GOOD | {"conversations": [{"from": "gpt", "value": "I do not know."}]},
    "two images": GOOD | {"images": ["a.png", "a.png"]},
    "no image": GOOD | {"images": []},
    "an image that is not there": GOOD | {"images": ["b.png"]},
    "a way out": GOOD | {"images": ["../../etc/passwd"]},
    "a mask on the way out": GOOD | {"assay": {"mask": "/etc/passwd"}},
    "an unknown split": GOOD | {"assay": {"split": "tomorrow"}},
    "a field that is no text": GOOD | {"assay": {"group": [1]}},
    "control characters": GOOD | {"assay": {"image_id": "\x1b[2J"}},
    "hostile reasons": GOOD | {"conversations": [{"from": "gpt", "value": "Authentic. \x1b[2J"}]},
    "endless reasons": GOOD
    | {"conversations": [{"from": "gpt", "value": "Authentic. " + "a" * 9999}]},
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_conversation_is_rejected_and_the_rest_is_read(tmp_path: Path, kind: str) -> None:
    first, second = source(tmp_path, BAD[kind], GOOD).fetch()
    assert isinstance(first, Rejected)
    assert first.reason.startswith("faulty row: told.json conversation 0: ")
    assert isinstance(second, Sample)


def test_a_name_that_came_before_is_rejected(tmp_path: Path) -> None:
    first, second = source(tmp_path, GOOD, GOOD).fetch()
    assert isinstance(first, Sample)
    assert isinstance(second, Rejected)
    assert second.reason.startswith("twice: told.json conversation 1: ")


@pytest.mark.parametrize("text", ["", "[]", "{}", "{", '{"told": {"file_name": "../x.json"}}'])
def test_a_wrong_description_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset_info.json").write_text(text)
    with pytest.raises(SchemaViolation, match="dataset_info"):
        list(ShareGPT(path=tmp_path).fetch())


def test_an_entry_can_be_chosen_and_a_wrong_name_is_told(tmp_path: Path) -> None:
    path = source(tmp_path, GOOD).path
    assert len(list(ShareGPT(path=path, names=("told",)).fetch())) == 1
    with pytest.raises(SchemaViolation, match="known: told, other"):
        list(ShareGPT(path=path, names=("tald",)).fetch())


def test_json_lines_are_read_too(tmp_path: Path) -> None:
    one = source(tmp_path, file_name="told.jsonl")
    (tmp_path / "told.jsonl").write_text(f"{json.dumps(GOOD)}\n\n")
    assert len(list(one.fetch())) == 1
