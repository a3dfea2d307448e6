"""Fixed validation images, answered by a model as it is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from assay import models, null_rates, prompts
from assay.asking import verdict_logits
from assay.progress import silent
from assay.records import Label, Split
from assay.training_data import TrainingData, prepare
from assay.watching import Watcher
from tests.training_runs import BASE, dataset_and_measurements


class Setting:
    """A fresh base and the validation split."""

    def __init__(self, path: Path) -> None:
        family = models.family(BASE.family)
        family.create_base(BASE.options, 0, path / "base")
        self.model = family.load_model(path / "base")
        self.processor: models.Processor = family.load_processor(path / "base")
        dataset, measurements = dataset_and_measurements(path / "data")
        rates = null_rates.fit_null_rates(measurements)
        asked = measurements, rates, self.processor, path / "prepared", silent
        self.data: TrainingData = prepare(dataset, Split.VALIDATION, *asked)
        self.watcher = Watcher(self.processor, self.data)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    return Setting(tmp_path_factory.mktemp("setting"))


def test_two_of_each_label_are_watched_under_fixed_names(setting: Setting) -> None:
    answers = setting.watcher.ask(setting.model)
    assert Counter(answer.truth for answer in answers) == dict.fromkeys(Label, 2)
    assert len({answer.image_id for answer in answers}) == 6
    assert [answer.name for answer in answers][::5] == ["1-authentic", "6-synthesized"]


def test_an_answer_is_what_the_detector_would_say(setting: Setting) -> None:
    answer = setting.watcher.ask(setting.model)[0]
    (row,) = [e for e in map(setting.data.__getitem__, range(6)) if e.image_id == answer.image_id]
    logits = verdict_logits(setting.model.eval(), setting.processor, [row.pixels], [row.prompt])
    expected = torch.softmax(torch.tensor(logits[0]), dim=0).tolist()
    assert list(answer.probabilities.values()) == pytest.approx(expected, abs=1e-4)
    assert answer.score == pytest.approx(1 - expected[0], abs=1e-4)
    word = prompts.VERDICT_WORDS[max(answer.probabilities, key=lambda k: answer.probabilities[k])]
    assert answer.text.startswith(word)
    assert answer.expected.startswith(prompts.VERDICT_WORDS[answer.truth])


@pytest.mark.parametrize("is_training", [True, False])
def test_asking_leaves_mode_and_random_numbers_alone(setting: Setting, is_training: bool) -> None:
    setting.model.train(is_training)
    before = torch.random.get_rng_state()
    setting.watcher.ask(setting.model)
    assert setting.model.training is is_training
    assert torch.equal(torch.random.get_rng_state(), before)
