"""A tiny pre-training, whole and killed, and what it leaves."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path

import pytest
from safetensors.torch import load_file

from assay.errors import CheckpointMismatch, ConfigError
from assay.experts.card import ExpertsCard
from assay.experts.forensic.judging import Judge
from assay.experts.forensic.pretraining import WEIGHTS_FILE, divided, pretrain
from assay.experts.forensic.training import Run, rate
from assay.experts.photographs import Photographs
from assay.experts.settings import PretrainingSettings
from assay.progress import Progress, silent

TINY = PretrainingSettings(
    steps=6, pairs=2, window=4, warmup=2, workers=0, checkpoint_every=2, held_out_pairs=4
)
LOSSES = {f"train/{name}" for name in ("map", "manipulated", "generated", "histories", "traits")}
SCORES = {"manipulation_auc", "synthesis_auc", "pixel_auc"}


class Heard:
    """What a pre-training said, and what it left in ``work``."""

    def __init__(self, photographs: Photographs, work: Path) -> None:
        self.photographs, self.work = photographs, work
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.steps: list[int] = []

    def run(self, progress: Progress, settings: PretrainingSettings = TINY) -> Path:
        def hear(step: int, metrics: dict[str, float]) -> None:
            self.metrics.append((step, metrics))

        return pretrain(self.photographs, self.work, settings, "abc", progress, hear)

    def count(self, done: int, total: int, what: str) -> None:
        if what.startswith("pre-training"):
            self.steps.append(done)


@pytest.fixture(scope="module")
def whole(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Heard:
    heard = Heard(photographs, tmp_path_factory.mktemp("whole"))
    heard.run(heard.count)
    return heard


def weights(work: Path) -> dict[str, str]:
    """Digests: the difference of megabytes would take pytest minutes to print."""
    (result,) = work.glob(f"experts-*/result-6/{WEIGHTS_FILE}")
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).hexdigest()
        for name, tensor in load_file(result).items()
    }


def test_curves_are_finite_and_named(whole: Heard) -> None:
    assert all(math.isfinite(v) for _, metrics in whole.metrics for v in metrics.values())
    told = [(step, set(metrics)) for step, metrics in whole.metrics]
    assert (6, LOSSES) in told
    measurable = {f"validation/{name}" for name in SCORES}
    scored = [step for step, names in told if names and names <= measurable]
    assert scored == [2, 4, 6]
    assert whole.steps == [1, 2, 3, 4, 5, 6]


def test_killed_and_resumed_gives_the_same_weights(
    whole: Heard, photographs: Photographs, tmp_path: Path
) -> None:
    def interrupt(done: int, total: int, what: str) -> None:
        if what.startswith("pre-training") and done == 5:
            raise KeyboardInterrupt

    killed = Heard(photographs, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        killed.run(interrupt)
    killed.run(killed.count)
    assert killed.steps == [5, 6]
    assert weights(tmp_path) == weights(whole.work)


def test_result_can_judge_and_is_returned_at_once(whole: Heard) -> None:
    def fail(done: int, total: int, what: str) -> None:
        raise AssertionError(what)

    result = whole.run(fail)
    assert {path.name for path in result.iterdir()} == {WEIGHTS_FILE, "card.json"}
    assert Judge.load(result / WEIGHTS_FILE)


def test_card_says_what_the_weights_are_made_of(whole: Heard, photographs: Photographs) -> None:
    card = ExpertsCard.load(whole.run(silent))
    assert (card.photographs, card.held_out) == (("a.png", "b.png", "c.png"), ("more/d.png",))
    assert card.photographs_hash == photographs.content_hash
    assert (card.steps, card.git_commit, card.settings["pairs"]) == (6, "abc", 2)
    assert set(card.scores) == SCORES
    assert 100_000 < card.parameters < 1_000_000


def test_longer_run_goes_on_from_a_shorter_one(whole: Heard) -> None:
    heard = Heard(whole.photographs, whole.work)
    longer = heard.run(heard.count, TINY.model_copy(update={"steps": 7}))
    assert heard.steps == [7]
    assert ExpertsCard.load(longer).steps == 7
    with pytest.raises(ConfigError, match=r"pretraining\.steps: 7 are trained already"):
        heard.run(silent, TINY.model_copy(update={"steps": 3}))


def test_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    run = Run(TINY, "cpu")
    run.average.popitem()
    run.network.embed = run.network.to_traits
    run.save(tmp_path / "other.safetensors")
    with pytest.raises(CheckpointMismatch, match="delete it"):
        Run(TINY, "cpu").load(tmp_path / "other.safetensors")


def test_rate_warms_up_stays_and_falls() -> None:
    settings = PretrainingSettings(steps=1000, warmup=100, decay_share=0.3)
    rates = [rate(step, settings) for step in range(1000)]
    assert rates[:99] == sorted(rates[:99])
    assert set(rates[99:700]) == {1.0}
    assert rates[700:] == sorted(rates[700:], reverse=True)
    assert rates[-1] < 0.001


@pytest.mark.parametrize("count", [2, 7, 29])
def test_every_photograph_is_either_trained_on_or_held_out(count: int) -> None:
    training, held = divided(count)
    assert sorted(training + held) == list(range(count))
    assert len(held) == max(1, round(count / 7))


def test_one_photograph_is_too_few() -> None:
    with pytest.raises(ConfigError, match="at least two photographs"):
        divided(1)
