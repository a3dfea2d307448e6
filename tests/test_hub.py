"""Datasets by name: what a name is, and a download from servers that speak the hubs' protocol."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay import home, hub
from assay.errors import ConfigError, SourceUnavailable
from assay.hub import HubName
from assay.sources.folder import Folder
from tests import image_server
from tests.image_server import Reply, Server

COMMIT = "b" * 40
DATASET = HubName(host="hf", name="owner/set", revision="main")


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "state"


def place(text: str) -> object:
    return hub._folder_or_file(text)


def test_name_has_a_host_an_owner_and_a_revision():
    assert place("hf:owner/set@main") == DATASET
    assert place("kaggle:a.b/c-d@3") == HubName(host="kaggle", name="a.b/c-d", revision="3")
    assert str(DATASET) == "hf:owner/set@main"


@pytest.mark.parametrize(
    "text",
    [
        "hf:owner/set",
        "hf:set@main",
        "hf:owner/set@",
        "hf:../../etc@main",
        "hf:owner/set@../x",
        "kaggle:owner/set@main",
        "kaggle:owner/set",
        "hf:owner/set/more@main",
    ],
)
def test_name_without_all_of_them_is_refused(text: str):
    with pytest.raises(ConfigError, match="names no"):
        place(text)


def test_folder_that_is_not_there_is_refused_where_the_setting_is(tmp_path: Path):
    with pytest.raises(ValueError, match="Path does not point to a directory"):
        Folder(path=str(tmp_path / "nowhere"))  # type: ignore[arg-type]


def test_offline_says_how_to_go_online():
    with pytest.raises(SourceUnavailable, match="HF_HUB_OFFLINE=0"):
        hub.folder(DATASET)


def test_what_was_downloaded_is_never_asked_for_again(state: Path):
    target = home.folder("downloads") / "hub" / "hf" / "owner--set@main"
    target.mkdir(parents=True)
    target.with_name(f"{target.name}.all.complete").touch()
    assert hub.folder(DATASET) == target


def repository(server: Server, files: dict[str, bytes]) -> None:
    """The three endpoints that a snapshot is made of."""
    tree = [
        {"type": "file", "path": name, "size": len(data), "oid": _oid(data)}
        for name, data in files.items()
    ]
    info = {"id": "owner/set", "sha": COMMIT, "siblings": [{"rfilename": n} for n in files]}
    api = "/api/datasets/owner/set"
    server.replies[f"{api}/revision/main"] = _json(info)
    server.replies[f"{api}/tree/{COMMIT}"] = _json(tree)
    for name, data in files.items():
        headers = {"ETag": f'"{_oid(data)}"', "X-Repo-Commit": COMMIT}
        path = f"/datasets/owner/set/resolve/{COMMIT}/{name}"
        server.replies[path] = Reply(data, headers=headers)


def _json(content: object) -> Reply:
    return Reply(json.dumps(content).encode(), headers={"Content-Type": "application/json"})


def _oid(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def downloaded(state: Path, server: Server, *files: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the library reads its variables when it is imported."""
    code = (
        "from assay import hub; from assay.errors import SourceUnavailable\n"
        "name = hub.HubName(host='hf', name='owner/set', revision='main')\n"
        f"try: print(hub.folder(name, {files!r}))\n"
        "except SourceUnavailable as error: print('refused:', error)"
    )
    variables = {"ASSAY_HOME": str(state), "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": server.url("")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables | {"HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "127.0.0.0/8"},
        cwd=home.REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_hugging_face_snapshot_becomes_a_folder_of_plain_files(state: Path):
    with image_server.running() as server:
        repository(server, {"stage_2.csv": b"a,b\n", "other.bin": b"\0" * 9})
        done = downloaded(state, server, "stage_2.csv")
    folder = Path(done.stdout.strip())
    assert (folder / "stage_2.csv").read_bytes() == b"a,b\n", done.stderr
    assert not (folder / "stage_2.csv").is_symlink()
    assert not (folder / "other.bin").exists()
    assert hub.folder(DATASET, ("stage_2.csv",)) == folder


def test_dataset_that_is_not_there_is_refused_with_its_name(state: Path):
    with image_server.running() as server:
        done = downloaded(state, server)
    assert "refused: hf:owner/set@main cannot be downloaded" in done.stdout, done.stderr
