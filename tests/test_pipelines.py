"""The pipelines, run for real and small, in one process: ZenML takes seconds to start."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

import run
from assay import home, model_registry
from assay.calibration import Calibration
from assay.errors import ConfigError
from assay.images import encode_png
from assay.model_folder import CALIBRATION_FILE
from assay.model_registry import Alias
from tests.pipeline_runs import DATA, TRAIN, environment, latest, launch
from tests.scenes import scene

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    """The state folder of all pipelines of this module; a first run is there already."""
    with environment(trained_state):
        yield trained_state


def states(done: PipelineRunResponse) -> dict[str, str]:
    return {name: str(step.status) for name, step in done.steps.items()}


def labelled(folder: Path, *labels: str) -> None:
    """Six pictures of each label, in sub-folders named after them."""
    for first, label in enumerate(labels, 1):
        (folder / label).mkdir()
        for seed in range(100 * first, 100 * first + 6):
            picture = encode_png(scene(seed, 64, 64))
            (folder / label / f"{seed}.png").write_bytes(picture)


@pytest.fixture(scope="module")
def trained(state: Path) -> PipelineRunResponse:
    """The first run, whose model was promoted."""
    from zenml.client import Client

    return Client().list_pipeline_runs(sort_by="asc:created", size=1, hydrate=True).items[0]


def test_train_runs_every_step(trained: PipelineRunResponse):
    assert set(states(trained).values()) == {"completed"}
    assert {"report_evaluation", "publish"} < set(trained.steps)


def test_train_ends_with_pages_to_look_at(trained: PipelineRunResponse):
    pages = {
        name: artifact.load()
        for step in ("report_evaluation", "publish")
        for name, (artifact,) in trained.steps[step].outputs.items()
    }
    assert set(pages) == {"evaluation_report", "gallery", "summary"}
    assert trained.name in pages["summary"].html
    assert "evaluate_model" in pages["summary"].html
    assert all(
        artifact.visualizations for artifact in trained.steps["build_dataset"].outputs["dataset"]
    )


def test_train_registers_a_champion_in_both_registries(trained: PipelineRunResponse):
    from zenml.client import Client

    assert model_registry.version_of(Alias.CHAMPION) == "1"
    assert Client().get_model_version("assay", "v1").stage == "production"
    assert Client().get_model_version("assay", "v1").data_artifact_ids


def test_train_is_tracked_with_settings_and_provenance(trained: PipelineRunResponse):
    from assay import tracking

    runs = tracking.client().search_runs([tracking.experiment_id()])
    tags = runs[0].data.tags
    assert runs[0].data.params["training.optimisation.max_steps"] == "2"
    assert tags["zenml_run"] == trained.name
    assert {"dataset_version", "git_commit", tracking.PROCESS_TAG} <= set(tags)
    assert {"train/loss", "bias_controlled/auc"} <= set(runs[0].data.metrics)


def test_train_again_is_cached_and_makes_no_version(trained: PipelineRunResponse, state: Path):
    from zenml.client import Client

    again = launch(state, "train", TRAIN)
    ran = {name for name, status in states(again).items() if status == "completed"}
    assert ran == {"register", "promote", "publish"}
    assert Client().list_model_versions("assay").total == 1


def test_refused_challenger_is_a_value_with_reasons(
    trained: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str]
):
    challenger = {**TRAIN, "training": {"optimisation": {"max_steps": 1, "batch_size": 4}}}
    launch(state, "train", {**challenger, "promotion": {"resamples": 20, "floor": 1.0}})
    printed = capsys.readouterr().out
    assert "version 2: not promoted" in printed
    assert "does not clear the floor of 1" in printed
    assert model_registry.version_of(Alias.CHAMPION) == "1"
    assert model_registry.version_of(Alias.CHALLENGER) == "2"


def test_edited_domain_code_runs_its_steps_again(
    trained: PipelineRunResponse, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from steps import caching

    shutil.copytree(home.REPOSITORY / "assay", tmp_path / "a" / "assay")
    shutil.copytree(home.REPOSITORY / "assay", tmp_path / "b" / "assay")
    with (tmp_path / "b" / "assay" / "pairs.py").open("a") as edited:
        edited.write("\nEDITED = True\n")
    seen = []
    for root in ("a", "a", "b"):
        monkeypatch.setattr(caching, "ROOT", tmp_path / root)
        seen.append(set(states(launch(state, "data_validation", {"data": DATA})).values()))
    assert seen == [{"completed"}, {"cached"}, {"completed"}]


def test_changed_folder_is_built_again(trained: PipelineRunResponse, state: Path, tmp_path: Path):
    labelled(tmp_path, "authentic", "manipulated")
    seen = []
    for added in range(2):
        (tmp_path / "authentic" / f"{added}.png").write_bytes(encode_png(scene(added, 64, 64)))
        parameters = {"data": {"source": "folder", "options": {"path": str(tmp_path)}}}
        runs = (launch(state, "data_validation", parameters) for _ in range(2))
        seen += [set(states(run).values()) for run in runs]
    assert seen == [{"completed"}, {"cached"}] * 2


def test_data_that_cannot_be_trained_on_ends_the_first_stage(
    trained: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    labelled(tmp_path, "authentic")
    words = ["--config", str(home.REPOSITORY / "configs" / "train_folder.yaml")]
    words += ["--set", f"data.options.path={tmp_path}"]
    assert run.main(["--pipeline", "train", *words]) == run.FAILED
    assert "stage build_dataset failed: the train split holds no" in capsys.readouterr().err


def test_score_has_a_row_for_good_and_bad_files(
    trained: PipelineRunResponse, state: Path, tmp_path: Path
):
    from assay.sources.photos import Photos

    images, output = tmp_path / "images", tmp_path / "scores.csv"
    images.mkdir()
    (images / "good.png").write_bytes(next(Photos().fetch()).image)
    (images / "bad.jpg").write_text("no image")
    launch(state, "score", {"input": str(images), "output": str(output)})
    rows = pd.read_csv(output)
    assert list(rows["file"]) == ["bad.jpg", "good.png"]
    assert list(rows["error"].isna()) == [False, True]
    assert rows.filter(like="p_").iloc[1].sum() == pytest.approx(1)


def test_score_explains_a_single_image(
    trained: PipelineRunResponse, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    from assay.sources.photos import Photos

    (tmp_path / "one.png").write_bytes(next(Photos().fetch()).image)
    launch(state, "score", {"input": str(tmp_path / "one.png")})
    printed = capsys.readouterr().out
    assert "score 0." in printed
    assert "authentic" in printed


def test_evaluate_needs_no_images_to_train_on(
    trained: PipelineRunResponse, state: Path, tmp_path: Path
):
    labelled(tmp_path, "authentic", "manipulated")
    rows = [f"{p.relative_to(tmp_path)},{p.parent.name},test" for p in tmp_path.glob("*/*.png")]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,label,split", *rows]))
    data = {"source": "folder", "options": {"path": str(tmp_path)}, "workers": 1}
    done = launch(state, "evaluate", {"model": "1", "data": data, "evaluation": {"resamples": 20}})
    assert set(states(done).values()) == {"completed"}


def test_evaluate_measures_a_registered_version(trained: PipelineRunResponse, state: Path):
    done = launch(state, "evaluate", {"model": "1", "data": DATA, "evaluation": {"resamples": 20}})
    evaluation = done.steps["evaluate_model"].outputs["evaluation"][0].load()
    assert "as_is/auc" in evaluation.headline()


def test_evaluate_leaves_each_dataset_out(
    trained: PipelineRunResponse, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    labelled(tmp_path, "authentic", "manipulated")
    listed = [
        f"{path.relative_to(tmp_path)},{path.parent.name},{('first', 'second')[n % 2]},"
        f"{('train', 'validation', 'test')[n // 2 % 3]}"
        for n, path in enumerate(sorted(tmp_path.glob("*/*.png")))
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(["file,label,dataset,split", *listed]))
    data = {"source": "folder", "options": {"path": str(tmp_path)}, "workers": 1}
    fitted = {key: TRAIN[key] for key in ("base", "training", "evaluation")}
    done = launch(state, "evaluate", {"protocol": "lodo", "data": data, **fitted})
    evaluation = done.steps["judge_folds"].outputs["evaluation"][0].load()
    assert [fold.name for fold in evaluation.folds] == ["first", "second"]
    assert {s.n for s in evaluation.slices if s.by == "all"} == {12}
    assert "promised at most" in " ".join(capsys.readouterr().out.split())


def test_robustness_of_a_training_and_of_a_registered_version(
    trained: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str]
):
    everyday = trained.steps["measure_robustness"].outputs["robustness"][0].load()
    settings = {"images_per_class": 1, "resamples": 5, "full": True}
    done = launch(state, "robustness", {"model": "1", "data": DATA, "robustness": settings})
    made = done.steps["measure_robustness"].outputs
    full = made["robustness"][0].load()
    assert (everyday.images, full.images) == (4, 2)
    assert {r.name for r in everyday.results} < {r.name for r in full.results}
    assert made["robustness_report"][0].visualizations
    assert "highest flip rate" in capsys.readouterr().out


def test_compare_takes_an_alias_and_a_run(
    trained: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str]
):
    settings = {"second": trained.name, "data": DATA, "comparison": {"resamples": 20}}
    done = launch(state, "compare", settings)
    made = done.steps["compare_models"].outputs
    comparison = made["comparison"][0].load()
    assert [model.run for model in comparison.models] == [trained.name] * 2
    assert made["comparison"][0].run_metadata["verdict"] == "no significant difference"
    assert "No significant difference between version 1 and version 1" in capsys.readouterr().out
    assert made["comparison_report"][0].visualizations


def test_failed_stage_is_one_line_with_reason_and_log(
    trained: PipelineRunResponse, state: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    (tmp_path / "one.png").touch()
    words = ["--set", f"input={tmp_path / 'one.png'}", "--set", "model=77"]
    assert run.main(["--pipeline", "score", *words]) == run.FAILED
    line = capsys.readouterr().err.strip()
    assert line.startswith("run.py: stage fetch_model failed: no registered model has the version")
    log = Path(line.rpartition("(log: ")[2].rstrip(")"))
    assert "Traceback" in log.read_text()
    assert latest().status == "failed"


def test_interrupted_run_is_ended_and_tagged(
    trained: PipelineRunResponse, state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from assay import scoring

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scoring, "explain", interrupt)
    (tmp_path / "one.png").touch()
    words = ["--pipeline", "score", "--set", f"input={tmp_path / 'one.png'}"]
    assert run.main(words) == run.INTERRUPTED
    assert latest().status.is_finished
    assert [tag.name for tag in latest().tags] == ["interrupted"]


def test_run_that_is_told_to_end_is_interrupted(
    trained: PipelineRunResponse, state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    from assay import scoring

    def terminate(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(scoring, "explain", terminate)
    (tmp_path / "one.png").touch()
    words = ["--pipeline", "score", "--set", f"input={tmp_path / 'one.png'}"]
    assert run.main(words) == run.INTERRUPTED
    assert latest().status.is_finished
    assert [tag.name for tag in latest().tags] == ["interrupted"]


def test_wrong_setting_found_by_a_stage_is_its_failure(
    trained: PipelineRunResponse,
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
):
    from assay import scoring

    def refuse(*_: object) -> None:
        raise ConfigError("too late to refuse")

    monkeypatch.setattr(scoring, "explain", refuse)
    (tmp_path / "one.png").touch()
    words = ["--pipeline", "score", "--set", f"input={tmp_path / 'one.png'}"]
    assert run.main(words) == run.FAILED
    assert "stage explain_image failed: too late to refuse (log: " in capsys.readouterr().err


KILLED = """
import os, signal, sys
from assay import scoring
import run
scoring.explain = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
run.main(["--pipeline", "score", "--set", f"input={sys.argv[1]}"])
"""


def test_run_of_a_killed_process_is_marked_failed(
    trained: PipelineRunResponse, state: Path, tmp_path: Path
):
    from pipelines import _runs as runs

    (tmp_path / "one.png").touch()
    killed = [sys.executable, "-c", KILLED, str(tmp_path / "one.png")]
    assert subprocess.run(killed, cwd=run.ROOT, capture_output=True).returncode == -9
    left = latest()
    assert left.status == "running"
    assert runs.close_orphans() == [left.name]
    assert latest().status == "failed"
    assert "running" not in states(latest()).values()


def test_recalibrate_registers_the_same_weights_for_other_images(
    trained: PipelineRunResponse, state: Path, tmp_path: Path
):
    from assay.fingerprints import content_hash

    images = tmp_path / "platform"
    images.mkdir()
    labelled(images, "authentic", "manipulated")
    evaluation = {"resamples": 5, "workers": 1}
    parameters = {"input": str(images), "model": "1", "evaluation": evaluation}
    moved = launch(tmp_path, "recalibrate", parameters)
    version = moved.steps["register"].outputs["model_version"][0].load()
    old, new = model_registry.fetch("1"), model_registry.fetch(version)
    assert model_registry.version_of(Alias.CHALLENGER) == version != "1"
    assert content_hash(old / "adapter") == content_hash(new / "adapter")
    first, second = (Calibration.load(model / CALIBRATION_FILE) for model in (old, new))
    assert second.review is not None
    assert second.review.images < 12  # the test split is left to judge it
    assert (first.temperature, first.bias) != (second.temperature, second.bias)
    page = moved.steps["register"].outputs["model_card"][0].load().html
    assert f"--pipeline recalibrate --set model=1 --set input={images}" in page
