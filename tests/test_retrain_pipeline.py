"""From labelled captures to a judged challenger, run for real and small, in one process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay import home, lineage, model_registry, retraining
from assay.fingerprints import content_hash
from assay.model_folder import read_facts
from assay.model_registry import Alias
from assay.monitoring import window
from assay.records import Split
from assay.store import HumanLabel, Store, StoreSettings
from tests.labels import by_split, labelled
from tests.pipeline_runs import TRAIN, environment, launch

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

SETTINGS = {
    # Scenes are labelled by turns, so that nothing can be learned and nobody is to be followed.
    "intake": {"workers": 1, "newest_share": 0.4},
    "evaluation": {"resamples": 20, "explained": 0, "workers": 1},
    "succession": {"resamples": 20},
}


@pytest.fixture(scope="module", autouse=True)
def state(trained_state: Path) -> Iterator[Path]:
    """The state folder, with a champion and with traffic that people labelled."""
    with environment(trained_state):
        with Store.open(StoreSettings.from_environment(), drain=False) as store:
            for seed in range(24):
                label = (HumanLabel.AUTHENTIC, HumanLabel.MANIPULATED)[seed % 2]
                labelled(store, seed, label, f"who{seed % 6}", client=f"client{seed % 6}")
        yield trained_state


@pytest.fixture(scope="module")
def kept_before(state: Path) -> int:
    """Images whose evidence is known."""
    return kept()


@pytest.fixture(scope="module")
def retrained(state: Path, kept_before: int) -> PipelineRunResponse:
    settings = {**SETTINGS, "model": "1", "robustness": TRAIN["robustness"]}
    return launch(state, "retrain", {**settings, "training": TRAIN["training"]})


def kept() -> int:
    return len(list(home.folder("measurements").rglob("*.json")))


def made(run: PipelineRunResponse, step: str, output: str) -> object:
    return run.steps[step].outputs[output][0].load()


def test_a_challenger_is_judged_on_two_sets_and_refused_with_reasons(
    retrained: PipelineRunResponse,
) -> None:
    decision = made(retrained, "succeed", "decision")
    assert not decision.promoted
    assert "not credibly better on the newest labels" in decision.reasons[0]
    assert model_registry.version_of(Alias.CHAMPION) == "1"
    version = model_registry.version_of(Alias.CHALLENGER)
    assert version == made(retrained, "register", "model_version")
    promised = window.promised_auc(model_registry.fetch(version))
    assert promised is not None
    assert promised.value == decision.newest_auc.value
    assert window.promised_auc(model_registry.fetch("1")) is None


def test_the_frozen_test_split_stays_and_the_newest_labels_are_held_out(
    retrained: PipelineRunResponse,
) -> None:
    dataset = made(retrained, "collect_captures", "dataset")
    old = retraining.base_of(model_registry.fetch("1"), home.folder("datasets"))
    assert by_split(dataset, Split.TEST) == by_split(old, Split.TEST)
    newest = by_split(dataset, Split.NEWEST)
    assert newest
    assert not newest & retraining.captures_in(dataset)


def test_the_model_says_what_it_was_moved_to(retrained: PipelineRunResponse) -> None:
    version = str(made(retrained, "register", "model_version"))
    facts = read_facts(model_registry.fetch(version))
    assert facts["retrained"]["model"] == "1"
    assert {"since", "until"} == set(facts["captures"])
    assert facts["labelled_dataset"] == facts["dataset_version"]
    page = made(retrained, "register", "model_card").html
    assert "--pipeline retrain --set model=1 --set since=" in page
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        assert lineage.of_model(store, facts["version"]).captures


def test_evidence_of_the_older_dataset_is_not_measured_again(
    kept_before: int, retrained: PipelineRunResponse
) -> None:
    captures = retraining.captures_in(made(retrained, "collect_captures", "dataset"))
    assert kept() - kept_before == 2 * len(captures)  # as served, and normalised


def test_a_recalibration_on_captures_keeps_the_weights(state: Path) -> None:
    done = launch(state, "recalibrate", {**SETTINGS, "model": "1"})
    version = str(made(done, "register", "model_version"))
    old, new = model_registry.fetch("1"), model_registry.fetch(version)
    assert content_hash(old / "adapter") == content_hash(new / "adapter")
    assert read_facts(new)["labelled_dataset"] == read_facts(new)["recalibrated"]["dataset"]
    assert (
        retraining.base_of(new, home.folder("datasets")).version
        != read_facts(new)["dataset_version"]
    )
    assert (
        "--pipeline recalibrate --set model=1 --set since="
        in made(done, "register", "model_card").html
    )
