"""What is packaged, what never is, and that a release is all or nothing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay import (
    home,
    locks,
    model_folder,
    models,
    release,
    release_requirements,
    release_stage,
)
from assay.errors import CheckpointMismatch, ConfigError, NotStored, StorageError
from assay.fingerprints import content_hash
from assay.golden import Golden
from assay.release import Release
from assay.serving_plan import PLAN_FILE
from tests import pipeline_runs, releases
from tests.bento.test_draining import wait_until
from tests.models.test_tiny_qwen2_5_vl import SMALL

ROOT = home.REPOSITORY


@pytest.fixture(scope="module")
def state(built_release: Release):
    """The state folder of the release."""
    with pipeline_runs.environment(built_release.bento.parents[3]):
        yield home.root()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*")}


def locked(text: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))


def test_service_needs_what_it_imports_and_no_training_stack() -> None:
    wanted = release_requirements.imported(ROOT)
    packages = locked(release_requirements.requirements(ROOT))
    assert {"torch", "transformers", "peft", "bentoml", "fastapi", "sqlalchemy"} <= wanted
    assert release_requirements.distributions(wanted) <= packages
    assert {"uvicorn", "psycopg-binary", "safetensors", "scikit-image"} <= packages
    assert not packages & {"zenml", "mlflow", "great-expectations", "evidently", "pytest", "moto"}


def test_requirements_keep_pins_and_hashes() -> None:
    text = release_requirements.requirements(ROOT)
    lock = (ROOT / "requirements.lock").read_text()
    assert set(text.splitlines()) - {""} <= set(lock.splitlines())
    assert text.count("--hash=sha256:") > 500


def test_lock_without_an_imported_package_is_refused() -> None:
    with pytest.raises(ConfigError, match="does not pin nowhere"):
        release_requirements.subset("a==1\n    # via b\n", {"a", "nowhere"})


def test_subset_follows_who_asked_for_what() -> None:
    lock = "a==1 \\\n    --hash=sha256:0\n    # via project (pyproject.toml)\n"
    lock += "b==1\n    # via\n    #   a\n    #   c\nc==1\n    # via project (pyproject.toml)\n"
    assert release_requirements.subset(lock, {"a"}) == "a==1 \\\n    --hash=sha256:0\nb==1\n"


@pytest.mark.parametrize("name", ["base/pytorch_model.bin", "adapter/a.pkl", "notes", "base/x.pt"])
def test_model_folder_with_anything_else_is_refused(
    name: str, small_model: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(small_model, tmp_path / "model")
    (model / name).write_bytes(b"\x80\x04.")
    with pytest.raises(CheckpointMismatch, match=rf"holds {name}, which is no file of a model"):
        model_folder.files(model)


def test_files_of_every_layout_of_the_chat_are_packaged(tmp_path: Path) -> None:
    options = {**SMALL, "question_first": True}
    models.family("tiny_qwen2_5_vl").create_base(options, 0, tmp_path / model_folder.BASE_FOLDER)
    assert "base/chat_layout.json" in model_folder.files(tmp_path)


@pytest.mark.parametrize("name", ["base/config.json", "elsewhere"])
def test_link_in_a_model_folder_is_refused(name: str, small_model: Path, tmp_path: Path) -> None:
    model = shutil.copytree(small_model, tmp_path / "model")
    (model / name).unlink(missing_ok=True)
    (model / name).symlink_to(small_model)
    with pytest.raises(CheckpointMismatch, match=rf"holds {name}, which is a link"):
        model_folder.files(model)


def test_secrets_and_caches_are_not_staged(small_model: Path, tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    for package in release_requirements.OURS:
        shutil.copytree(ROOT / package, root / package)
    shutil.copy(ROOT / "requirements.lock", root)
    planted = [
        *(root / ".env", root / "assay/.env", root / "bento/prod.env", root / "bento/id_ed25519"),
        *(root / "assay/signing.pem", root / "bento/url.key", root / "bento/.hidden/planted.json"),
        root / "assay/__pycache__/planted.py",
    ]
    for path in planted:
        path.parent.mkdir(exist_ok=True)
        path.write_text("ASSAY_URL_KEYS=secret")
    (root / "assay/linked.json").symlink_to(root / ".env")
    release_stage.stage(root, small_model, None, tmp_path / "stage")
    staged = names(tmp_path / "stage")
    assert {"service.py", "bentofile.yaml", "forensic.safetensors", "base.html"} <= staged
    assert not staged & {".hidden", "__pycache__", "linked.json", *(one.name for one in planted)}


def test_plan_is_part_of_the_content(small_model: Path, tmp_path: Path) -> None:
    plan = tmp_path / "a plan.json"
    plan.write_text(releases.plan_of(small_model).text())
    release_stage.stage(ROOT, small_model, None, tmp_path / "default")
    release_stage.stage(ROOT, small_model, plan, tmp_path / "planned")
    assert (tmp_path / "planned" / PLAN_FILE).read_text() == plan.read_text()
    assert content_hash(tmp_path / "planned") != content_hash(tmp_path / "default")


def test_missing_plan_is_refused(small_model: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no serving plan"):
        release_stage.stage(ROOT, small_model, tmp_path / "none.json", tmp_path / "stage")


def test_release_explains_itself(built_release: Release) -> None:
    assert re.fullmatch(r"v3-[0-9a-f]{12}", built_release.name)
    assert re.fullmatch(r"plan-[0-9a-f]{12}", built_release.plan)
    assert built_release.model_content == content_hash(built_release.source / "model")
    assert built_release.run == "train-1"


def test_bento_holds_code_model_plan_and_expectations_alone(built_release: Release) -> None:
    assert {path.name for path in built_release.source.iterdir()} == {
        *("assay", "bento", "model", "requirements.txt", "bentofile.yaml"),
        *("golden.json", "openapi.json", "serving_plan.json"),
    }
    packages = locked((built_release.bento / "env/python/requirements.txt").read_text())
    assert packages == locked(release_requirements.requirements(ROOT))
    kept = Golden.load(built_release.source / "golden.json")
    assert len({image.score for image in kept.images}) == len(kept.images) >= 5


def test_same_content_is_built_once(built_release: Release, small_model: Path, state: Path) -> None:
    before = built_release.bento.stat().st_ctime_ns
    assert releases.built(small_model) == built_release
    assert built_release.bento.stat().st_ctime_ns == before
    assert release.releases() == [built_release]


def test_unknown_release_names_the_nearest(built_release: Release, state: Path) -> None:
    assert release.find(built_release.name) == built_release
    with pytest.raises(NotStored, match=f"did you mean '{built_release.name}'"):
        release.find(built_release.name[:-2])


def is_free(lock: Path) -> bool:
    try:
        with locks.exclusive(lock, ""):
            return True
    except StorageError:
        return False


def test_killed_build_leaves_nothing_half(small_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", _BUILD, str(small_model)]
    environment = {**os.environ, "ASSAY_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    folder = tmp_path / "releases"
    end = time.monotonic() + 60
    while not (works := list(folder.glob(".building-*/bentoml"))) and time.monotonic() < end:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    stage = (works[0].parent / "stage").resolve()
    assert (stage / "bento").is_dir()
    with pipeline_runs.environment(tmp_path):
        assert release.releases() == []
        wait_until(lambda: is_free(folder / ".lock"))  # its children were killed too, and end soon
        with release._workspace() as work:
            assert [path.name for path in folder.glob(".building-*")] == [work.name]
    assert not stage.exists()
    assert not list(folder.glob(".building-*"))


def test_second_build_meanwhile_is_refused(tmp_path: Path) -> None:
    with (
        pipeline_runs.environment(tmp_path),
        release._workspace(),
        pytest.raises(StorageError, match="another release is being built"),
        release._workspace(),
    ):
        pass


_BUILD = """
import sys
from pathlib import Path
from tests import releases
releases.built(Path(sys.argv[1]))
"""
