"""What a sweep takes and what it never does: on random graphs, beside publishers, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay import dataset_store, garbage, home, processes, tracking
from assay.dataset import MANIFEST
from assay.dataset_store import DATASETS, PENDING, SWEEP, Part, Published, blobs, manifest_path
from assay.errors import StorageError
from assay.garbage import Rules
from assay.storage import BLOBS, Storage
from tests import s3
from tests.datasets import stored
from tests.scenes import sample

LATER = timedelta(days=100)


def rules(*needed: str, owner: str = "ours", older_than: int = 30) -> Rules:
    """As they will be in a hundred days, when all of now is old."""
    names = dict.fromkeys(needed, "version 1")
    return Rules(names, owner, timedelta(days=older_than), datetime.now(UTC) + LATER)


def publish(place: Storage, version: str, contents: set[int], owner: str = "ours") -> Published:
    """A dataset of shards that hold a number each."""
    parts = []
    for number in sorted(contents):
        digest = place.add(str(number).encode())
        parts.append(Part(name=f"{number}.parquet", digest=digest, bytes=1))
    made = Published(
        version=version, parts=parts, owner=owner, created_at="", rows=1, rejected=0,
        source="", labels={}, splits={},
    )  # fmt: skip
    place.write(manifest_path(version), made.model_dump_json().encode())
    return made


@pytest.fixture
def place(tmp_path: Path) -> Storage:
    return Storage(str(tmp_path / "shared"))


@pytest.fixture(scope="module")
def bucket() -> Iterator[str]:
    with s3.running() as url:
        yield url


graphs = st.dictionaries(
    st.sampled_from("abcdefg"),
    st.tuples(st.sets(st.integers(0, 9)), st.booleans(), st.booleans(), st.booleans()),
)


@settings(deadline=None, max_examples=15)
@given(graphs, st.sets(st.integers(0, 14)))
def test_everything_that_is_needed_is_readable_after_a_sweep(
    graph: dict[str, tuple[set[int], bool, bool, bool]], loose: set[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Storage(folder)
        needed, kept = set(), {}
        for version, (contents, is_needed, is_ours, is_arriving) in graph.items():
            about = publish(place, version, contents, "ours" if is_ours else "theirs")
            if is_arriving:
                place.write(f"{PENDING}/{version}-1.json", about.model_dump_json().encode())
                moment = (datetime.now(UTC) + LATER).timestamp()
                os.utime(Path(folder, PENDING, f"{version}-1.json"), (moment, moment))
            needed |= {version} if is_needed else set()
            if is_needed or not is_ours or is_arriving:
                kept[version] = about
        for number in loose:
            place.add(str(number).encode())
        garbage.sweep(place, Path(folder, "none"), lambda: rules(*needed))
        assert dataset_store.published(place) == kept
        reachable = set().union(*map(blobs, kept.values()))
        assert {one.path for one in place.list(BLOBS)} == reachable
        assert not list(place.list(SWEEP))


def test_file_that_a_build_removes_meanwhile_is_passed_over(tmp_path: Path) -> None:
    """A link to nothing stands for one that was listed and is gone when it is looked at."""
    (tmp_path / "build" / "spool").mkdir(parents=True)
    (tmp_path / "build" / "spool" / "000000.arrow").symlink_to("gone")
    (item,) = garbage.look(None, tmp_path, rules())
    assert (item.name, item.bytes) == ("build", 0)


def test_what_is_young_stays_whoever_needs_it(place: Storage) -> None:
    publish(place, "a", {1})
    place.add(b"loose")
    now = Rules({}, "ours", timedelta(0), datetime.now(UTC))
    found = garbage.sweep(place, Path("none"), lambda: now)
    assert {(item.kind, item.goes, item.why) for item in found} == {
        ("dataset", False, "used within 1 days"),
        ("blob", False, "a dataset holds it"),
        ("blob", False, "younger than a day"),
    }


def test_what_is_just_being_shared_stays(place: Storage, tmp_path: Path) -> None:
    """Its old blobs and its old manifest, which the note names."""
    about = publish(place, "a", {1, 2})
    for path in (tmp_path / "shared").rglob("*"):
        os.utime(path, (1e9, 1e9))
    place.write(f"{PENDING}/a-1.json", about.model_dump_json().encode())
    now = Rules({}, "ours", timedelta(days=30), datetime.now(UTC))
    garbage.sweep(place, Path("none"), lambda: now)
    assert set(dataset_store.published(place)) == {"a"}
    assert {one.path for one in place.list(BLOBS)} == blobs(about)


def test_manifest_that_cannot_be_read_keeps_every_blob(place: Storage) -> None:
    publish(place, "a", {1})
    place.write(manifest_path("b"), b"{")
    place.add(b"loose")
    found = garbage.look(place, Path("none"), rules("a"))
    assert not any(item.goes for item in found)
    assert "it cannot be read: look at it" in {item.why for item in found}


def test_second_sweep_is_refused_while_one_runs(place: Storage) -> None:
    place.write(f"{SWEEP}/1", processes.identity().encode())
    with pytest.raises(StorageError, match="another garbage collection"):
        garbage.sweep(place, Path("none"), rules)
    assert [one.path for one in place.list(SWEEP)] == [f"{SWEEP}/1"]


def test_sweep_that_is_killed_harms_nothing(place: Storage) -> None:
    wanted = publish(place, "wanted", {1, 2, 3})
    publish(place, "old", {3, 4, 5})
    script = """
        import os, signal, sys
        from pathlib import Path
        from assay import garbage
        from assay.storage import Storage
        from tests.test_garbage import rules
        kill = lambda done, *_: done > 1 and os.kill(os.getpid(), signal.SIGKILL)
        garbage.sweep(Storage(sys.argv[1]), Path("none"), lambda: rules("wanted"), kill)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), place.url]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert set(dataset_store.published(place)) == {"wanted"}
    assert {one.path for one in place.list(BLOBS)} > blobs(wanted)
    garbage.sweep(place, Path("none"), lambda: rules("wanted"))
    assert {one.path for one in place.list(BLOBS)} == blobs(wanted)


def test_builds_go_unless_needed_used_or_in_work(tmp_path: Path) -> None:
    root = tmp_path / "datasets"
    for name in ("needed", "unneeded", "used"):
        made = stored(root / name, [sample(1)])
        text = (made.path / MANIFEST).read_text().replace('"test"', f'"{name}"')
        (made.path / MANIFEST).write_text(text)
    for name in ("stopped", "running"):
        (root / name / "spool").mkdir(parents=True)
    for path in root.rglob("*"):
        os.utime(path, (1e9, 1e9))
    os.utime(root / "used" / MANIFEST)
    now = Rules({"needed": "version 1"}, "ours", timedelta(days=30), datetime.now(UTC))
    from assay.locks import exclusive

    with exclusive(root / ".running.lock", ""):
        garbage.sweep(None, root, lambda: now)
    assert sorted(path.name for path in root.glob("[!.]*")) == ["needed", "running", "used"]


def test_build_whose_removal_was_killed_is_no_dataset_and_goes(tmp_path: Path) -> None:
    half = stored(tmp_path / ".removed-a-1234", [sample(1)]).path
    assert garbage.look(None, tmp_path, rules())[0].why == "a removal that was interrupted"
    garbage.sweep(None, tmp_path, rules)
    assert not half.exists()


def test_upload_that_nobody_finished_is_given_up(bucket: str) -> None:
    import boto3

    name = bucket.removeprefix("s3://")
    boto3.client("s3").create_multipart_upload(Bucket=name, Key="part/blobs/ab/ab")
    place = Storage(f"{bucket}/part")
    then = Rules({}, "ours", timedelta(0), datetime(2010, 11, 10, tzinfo=UTC))
    (item,) = garbage.look(place, Path("none"), then)  # the server says that all begin in 2010
    assert (item.kind, item.goes) == ("upload", False)
    garbage.sweep(place, Path("none"), rules)
    assert list(place.uploads()) == []


def test_dry_look_and_sweep_are_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from assay import __main__ as command

    monkeypatch.setattr(os, "environ", os.environ.copy())
    for name in home.environment():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    monkeypatch.setenv(home.STORAGE_VARIABLE, str(tmp_path / "shared"))
    place = dataset_store.storage()
    assert place is not None
    publish(place, "old", {1}, tracking.identity())
    for path in (tmp_path / "shared").rglob("*"):
        os.utime(path, (1e9, 1e9))
    assert command.main(["storage", "gc", "--dry-run"]) == 0
    assert "2 of 2 would go" in capsys.readouterr().out
    assert command.main(["storage", "gc", "--older-than", "9"]) == 0
    assert not [*place.list(DATASETS), *place.list(BLOBS)]
    assert command.main(["storage", "status", "--json"]) == 0
    assert '"kind": "store"' in capsys.readouterr().out


def test_bucket_is_swept_as_a_folder_is(bucket: str) -> None:
    place = Storage(f"{bucket}/swept")
    wanted = publish(place, "wanted", {1, 2})
    publish(place, "old", {2, 3})
    place.add(b"loose")
    garbage.sweep(place, Path("none"), lambda: rules("wanted"))
    assert set(dataset_store.published(place)) == {"wanted"}
    assert {one.path for one in place.list(BLOBS)} == blobs(wanted)
    assert not list(place.list(SWEEP))
