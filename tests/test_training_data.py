from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from assay import images, models, null_rates, prompts
from assay.models import Processor
from assay.optimisation import verdict_loss
from assay.progress import silent
from assay.records import Label, Split
from assay.teachers import claims
from assay.training_data import Collator, TrainingData, prepare
from tests.training_runs import BASE, dataset_and_measurements, samples

RATIONALE_WEIGHT = 0.25


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Processor:
    family, path = models.family(BASE.family), tmp_path_factory.mktemp("base")
    family.create_base(BASE.options, 0, path)
    return family.load_processor(path)


@pytest.fixture(scope="module")
def prepared(processor: Processor, tmp_path_factory: pytest.TempPathFactory) -> TrainingData:
    path = tmp_path_factory.mktemp("prepared")
    dataset, measurements = dataset_and_measurements(path / "data")
    rates = null_rates.fit_null_rates(measurements)
    return prepare(dataset, Split.TRAIN, measurements, rates, processor, path / "train", silent)


def test_prepared_pixels_are_the_bias_controlled_image(
    prepared: TrainingData, processor: Processor
) -> None:
    first = next(s for s in samples() if s.split is Split.TRAIN)
    controlled = images.decode(images.bias_control(first.image, first.image_id)).pixels
    np.testing.assert_array_equal(prepared[0].pixels, processor.resize(controlled))


def test_prepared_labels_follow_the_dataset(prepared: TrainingData) -> None:
    expected = [list(Label).index(s.label) for s in samples() if s.split is Split.TRAIN]
    assert prepared.labels.tolist() == expected
    assert [prepared[i].label for i in range(len(prepared))] == expected


def test_answers_parse_to_their_labels(prepared: TrainingData, processor: Processor) -> None:
    for index in range(len(prepared)):
        answer = prompts.parse(processor.decode(prepared[index].answer))
        assert answer.label is list(Label)[prepared[index].label]
        assert answer.rationale


def test_answers_are_grounded_in_what_the_prompt_tells(
    prepared: TrainingData, processor: Processor
) -> None:
    for index in range(len(prepared)):
        asked, answer = prepared[index].prompt, processor.decode(prepared[index].answer)
        question = processor.decode(asked)
        said = list(claims.read(prompts.parse(answer).rationale))
        assert len(said) >= 2
        for claim in said:
            assert not isinstance(claim, str)
            if isinstance(claim, claims.Measured):
                assert f"- {claim}\n" in f"{question}\n"


def test_only_the_answer_is_supervised(prepared: TrainingData, processor: Processor) -> None:
    batch = [prepared[0], prepared[1]]
    tensors = Collator(processor, RATIONALE_WEIGHT)(batch)
    for row, example in zip(tensors["labels"], batch, strict=True):
        assert row[row >= 0].tolist() == example.answer
        assert (row[: len(row) - len(example.answer)] == -100).all()


def test_verdict_tokens_weigh_one_share_and_rationales_theirs(
    prepared: TrainingData, processor: Processor
) -> None:
    tensors = Collator(processor, RATIONALE_WEIGHT)([prepared[0], prepared[1]])
    first = tensors["labels"].shape[1] - tensors["answer_lengths"]
    verdict = tensors["loss_weights"][torch.arange(2), first]
    assert verdict.sum() == pytest.approx(1)
    assert tensors["loss_weights"].sum() == pytest.approx(1 + RATIONALE_WEIGHT)


def test_verdict_loss_reads_each_token_off_the_logits_before_it() -> None:
    labels = torch.tensor([[-100, 2, 1]])
    weights = torch.tensor([[0.0, 1.0, 0.5]])
    logits = torch.zeros(1, 4, 3)
    logits[0, 1, 2] = logits[0, 2, 1] = 50.0
    assert verdict_loss(logits, labels, weights) == pytest.approx(0, abs=1e-6)
    wrong = logits.roll(1, dims=1)
    assert verdict_loss(wrong, labels, weights) > 1


def test_a_teachers_reasons_are_learned_instead_of_the_offline_ones(
    prepared: TrainingData, processor: Processor, tmp_path: Path
) -> None:
    dataset, measurements = dataset_and_measurements(tmp_path / "data")
    rates = null_rates.fit_null_rates(measurements)
    known, reason = (dataset, Split.TRAIN, measurements, rates), "Inferred: the image was altered."
    told = prepare(
        *known, processor, tmp_path / "train", silent, reasons={prepared[1].image_id: reason}
    )
    said = [prompts.parse(processor.decode(told[n].answer)).rationale for n in (0, 1)]
    assert said[0] == prompts.parse(processor.decode(prepared[0].answer)).rationale
    assert said[1] == reason
    assert told[1].prompt == prepared[1].prompt
