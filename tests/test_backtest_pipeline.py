"""The pipeline `backtest`, run for real over captures in a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import run
from assay import images
from assay.backtest.records import Backtest
from assay.records import Label
from assay.store import Capture, HumanLabel, Notice, Store, StoreSettings, Vote
from tests.captures import START, pixels
from tests.pipeline_runs import environment, launch
from tests.scenes import scene

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    """A state folder in which a model was promoted, and an earlier one has answered."""
    with environment(trained_state):
        with Store.open(StoreSettings.from_environment(), drain=False) as store:
            for seed in range(3):
                serve(store, seed)
        yield trained_state


def serve(store: Store, seed: int) -> None:
    made = Capture(
        created_at=START,
        pixel_digest=pixels(f"backtest {seed}"),
        label=Label.MANIPULATED,
        score=0.9,
        probabilities={"authentic": 0.1, "manipulated": 0.9, "synthesized": 0.0},
        needs_review=True,
        notice=Notice.CAUTION,
        notice_reason="in_review",
        model_version="an earlier one",
    )
    kept = store.captures.append(made, images.encode_jpeg(scene(seed, 64, 64), 90))
    store.drainer.drain()
    store.feedback.record(kept.id, "ada", Vote(HumanLabel.AUTHENTIC, seconds=12.0))


def policy(folder: Path) -> Path:
    file = folder / "silent.yaml"
    file.write_text("notices: {decided: null, in_review: null}\n")
    return file


@pytest.fixture(scope="module")
def done(state: Path) -> PipelineRunResponse:
    day = START.date().isoformat()
    given = {"captures": day, "policy": str(policy(state)), "backtest": {"workers": 1}}
    return launch(state, "backtest", given)


def stored(done: PipelineRunResponse, name: str):
    return done.steps["replay_policy"].outputs[name][0].load()


def test_champion_decides_again_what_an_earlier_model_answered(done: PipelineRunResponse):
    found = stored(done, "backtest")
    assert isinstance(found, Backtest)
    assert (found.captures, found.replayed, found.policy_name) == (3, 3, "silent.yaml")
    wrong = found.estimate("wrong notices")
    assert (wrong.old.value, wrong.new.value) == (3.0, 0.0)
    assert len(stored(done, "backtest_rows")) == 3


def test_page_is_an_artifact_and_the_summary_stands_in_the_metadata(done: PipelineRunResponse):
    assert "silent.yaml" in stored(done, "backtest_report").html
    described = done.steps["replay_policy"].outputs["backtest"][0].run_metadata
    assert described["captures"] == 3
    assert described["change of wrong notices a day"].startswith("-3.00")


def test_simulation_of_captures_is_the_same(done: PipelineRunResponse, state: Path):
    day = START.date().isoformat()
    given = {"captures": day, "policy": str(policy(state)), "backtest": {"workers": 1}}
    again = launch(state, "simulate", given)
    assert stored(again, "backtest") == stored(done, "backtest")
    assert "play_weeks" not in again.steps


def test_nothing_of_the_store_was_changed(done: PipelineRunResponse):
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        served = list(store.answers.between(None, None))
        assert {one.notice for one in served} == {Notice.CAUTION}
        assert store.review.backlog() == 0


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("captures=soon", "captures: expected all, 30d"),
        ("policy=none.yaml", "policy: none.yaml: No such file or directory"),
    ],
    ids=["span", "policy"],
)
def test_wrong_setting_is_refused_before_anything_starts(
    assignment: str, said: str, capsys: pytest.CaptureFixture[str]
):
    assert run.main(["--pipeline", "backtest", "--set", assignment]) == run.WRONG_SETTING
    assert said in capsys.readouterr().err
