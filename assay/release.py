"""A release: a model and its serving plan, packaged with the code that serves them.

A release is a built bento: one folder that runs alone (``python -m bentoml serve FOLDER``). It is
named after all that was packaged, so that the same content is the same release. What its service
has to answer is made here and kept inside it (`assay.golden`, the contract); `assay.release_proof`
holds the running bento against that.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assay import home, locks, release_stage
from assay.errors import NotStored, StorageError, did_you_mean
from assay.fingerprints import content_hash
from assay.golden import GOLDEN_FILE
from assay.serving_plan import ServingPlan
from assay.serving_recipe import DEFAULT
from assay.settings import Settings

if TYPE_CHECKING:
    from assay.model_registry import ModelFacts

FOLDER = "releases"
CONTRACT_FILE = "openapi.json"
"""In the bento: what its code documents."""

_BENTO = "assay"
_WORKSPACE, _STAGE = ".building-", "stage"
_DIGITS = 12
_CONTRACT = """
import json, sys
from bento.api.app import create_app
json.dump(create_app().openapi(), sys.stdout)
"""


class Release(Settings):
    """A built bento and where it comes from."""

    name: str
    """Unique: ``v3-1a2b3c4d5e6f``, of the model's version and all that was packaged."""
    bento: Path
    """The folder of the built bento."""
    model_version: str
    model_content: str
    """Hash of the model's files."""
    plan: str = ""
    """Name of the serving plan; empty for the default."""
    dataset_version: str = ""
    run: str = ""
    """Name of the run that trained the model."""
    git_commit: str = ""
    """Of the code that was packaged."""
    built_at: str
    """ISO 8601, UTC."""

    @property
    def source(self) -> Path:
        """The folder of code, model and plan in the bento."""
        return self.bento / "src"


def build(model: Path, facts: ModelFacts, plan: Path | None = None) -> Release:
    """Package the model folder ``model`` with ``plan`` (None: the default); seconds, once.

    The same content gives the release that there is. A build that is killed leaves no release, and
    the next one clears up after it. Raises `CheckpointMismatch` for a model folder that holds
    anything but safetensors and their settings, `ConfigError` for a package or a plan that is
    missing, and `StorageError` while another build runs, or where BentoML refuses.
    """
    with _workspace() as work:
        stage = (work / _STAGE).resolve()
        release_stage.stage(home.REPOSITORY, model, plan, stage)
        name = f"v{facts.version or '0'}-{content_hash(stage)[:_DIGITS]}"
        if known := _recorded(_record(name)):
            return known
        built = _built(stage, work / "bentoml", name)
        _add_expectations(built / "src", model, plan)
        _run(
            ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", "."], built / "src"
        )
        release = _described(name, _published(built, name), facts, plan)
        _write(release)
        return release


def releases() -> list[Release]:
    """All releases, newest first."""
    found = (_recorded(path) for path in home.folder(FOLDER).glob("*.json"))
    kept = [release for release in found if release is not None]
    return sorted(kept, key=lambda release: release.built_at, reverse=True)


def find(name: str) -> Release:
    """The release of this name; raises `NotStored` with the nearest right name."""
    known = {release.name: release for release in releases()}
    if name not in known:
        made = "" if known else "; run.py --pipeline deploy makes one"
        raise NotStored(f"there is no release {name!r}{did_you_mean(name, known)}{made}")
    return known[name]


@contextmanager
def _workspace() -> Iterator[Path]:
    """A folder for one build, with no other build running and the leftovers of killed ones gone.

    In it `_STAGE` is a link to the folder to build from: BentoML takes none below a hidden one.
    """
    folder = home.folder(FOLDER)
    with locks.exclusive(folder / ".lock", "another release is being built; wait for its end"):
        for left in folder.glob(f"{_WORKSPACE}*"):
            shutil.rmtree((left / _STAGE).resolve(), ignore_errors=True)
            shutil.rmtree(left)
        with (
            tempfile.TemporaryDirectory(prefix=_WORKSPACE, dir=folder) as work,
            tempfile.TemporaryDirectory(prefix="assay-release-") as stage,
        ):
            (Path(work) / _STAGE).symlink_to(stage)
            yield Path(work)


def _built(stage: Path, store: Path, name: str) -> Path:
    """The bento that BentoML makes of ``stage`` in a store of its own."""
    store.mkdir()
    build = ["-m", "bentoml", "build", "--bentofile", release_stage.BENTOFILE, "--version", name]
    _run(build, stage, BENTOML_HOME=str(store))
    return store / "bentos" / _BENTO / name


def _add_expectations(source: Path, model: Path, plan: Path | None) -> None:
    """Put the contract of the packaged code and the golden images into the bento.

    Expected is what the model says as the plan has it served, in this process.
    """
    from assay.detector import Detector
    from assay.golden import golden

    (source / CONTRACT_FILE).write_text(_run(["-c", _CONTRACT], source), encoding="utf-8")
    recipe = replace(ServingPlan.load(plan).recipe, threads=None) if plan else DEFAULT
    expected = golden(Detector.load(model, recipe)).model_dump_json(indent=2)
    (source / GOLDEN_FILE).write_text(expected + "\n", encoding="utf-8")


def _run(arguments: list[str], folder: Path, **variables: str) -> str:
    """What Python prints, run with ``arguments`` on the code in ``folder`` and on no other."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    tools = Path(sys.executable).parent  # BentoML asks for uv by its name
    inherited["PATH"] = f"{tools}{os.pathsep}{inherited.get('PATH', os.defpath)}"
    done = subprocess.run(  # noqa: S603 (our own commands)
        [sys.executable, *arguments],
        cwd=folder,
        env={**home.environment(), **inherited, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().rpartition("\n")[2]
        raise StorageError(f"the bento cannot be built, python {arguments[1]} says: {words}")
    return done.stdout


def _published(built: Path, name: str) -> Path:
    """Move a whole bento to where BentoML's own commands look for it, in place of a half one."""
    store = home.folder("bentoml") / "bentos" / _BENTO
    store.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(store / name, ignore_errors=True)
    built.chmod(0o755)  # a service may run as another user
    return built.rename(store / name)


def _described(name: str, bento: Path, facts: ModelFacts, plan: Path | None) -> Release:
    from assay import tracking

    return Release(
        name=name,
        bento=bento,
        model_version=facts.version,
        model_content=facts.content,
        plan=ServingPlan.load(plan).name if plan else "",
        dataset_version=facts.dataset_version,
        run=facts.run,
        git_commit=tracking.git_commit(),
        built_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
    )


def _record(name: str) -> Path:
    return home.folder(FOLDER) / f"{name}.json"


def _recorded(path: Path) -> Release | None:
    """The release of a record; None where there is none, or its bento was deleted."""
    if not path.is_file():
        return None
    release = Release.model_validate_json(path.read_bytes())
    return release if release.bento.is_dir() else None


def _write(release: Release) -> None:
    path = _record(release.name)
    fresh = path.with_suffix(".new")
    fresh.write_text(release.model_dump_json(indent=2) + "\n", encoding="utf-8")
    fresh.replace(path)
