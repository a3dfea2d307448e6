"""What a recipe changes of loading and asking, and that nothing changes without one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from assay import images, model_loading, patch_products
from assay.asking import Backend
from assay.detector import Detector, Rationale
from assay.errors import CheckpointMismatch
from assay.evidence_pool import EvidencePool
from assay.fingerprints import content_hash
from assay.model_folder import ADAPTER_FOLDER, BASE_FOLDER
from assay.models.qwen_vl import IMAGE_TOKEN
from assay.prefixes import Prefix
from assay.questions import Preparer, Question
from assay.records import Label, Photo
from assay.serving_recipe import DEFAULT, ServingRecipe
from assay.serving_strategies import recipe_of
from tests.scenes import scene

PREPROCESSOR = "preprocessor_config.json"


def photos(count: int) -> list[Photo]:
    sizes = [(64, 96), (128, 128), (300, 200)]
    return [images.decode(images.encode_jpeg(scene(n, *sizes[n % 3]), 90)) for n in range(count)]


@pytest.fixture(scope="module")
def detector(small_model: Path) -> Detector:
    return Detector.load(small_model)


@pytest.fixture(scope="module")
def questions(detector: Detector) -> list[Question]:
    return [detector.preparer.prepare(photo) for photo in photos(5)]


@pytest.fixture(scope="module")
def roomy_model(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small model with a pixel budget of 168 x 168, as the one that ships with Assay."""
    copy = Path(shutil.copytree(small_model, tmp_path_factory.mktemp("roomy") / "model"))
    file = copy / BASE_FOLDER / PREPROCESSOR
    settings = json.loads(file.read_text())
    settings["size"]["longest_edge"] = 168 * 168
    file.write_text(json.dumps(settings))
    return copy


@pytest.fixture
def _threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_without_a_recipe_all_is_as_transformers_and_peft_load_it(
    small_model: Path, detector: Detector, questions: list[Question]
) -> None:
    from peft import PeftModel
    from transformers import Qwen2_5_VLForConditionalGeneration

    base: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(small_model / BASE_FOLDER)
    patch_products.embed_by_product(base.model.visual.patch_embed)
    adapted: Any = PeftModel.from_pretrained(base, small_model / ADAPTER_FOLDER)
    model = adapted.merge_and_unload().train(False)
    processor = detector.preparer.processor
    batch = processor.collate([q.pixels for q in questions], [q.prompt_ids for q in questions])
    with torch.inference_mode():
        logits = model(**batch, logits_to_keep=1).logits[:, -1, processor.verdict_ids()]
    assert detector.words(questions) == pytest.approx(logits.double().numpy(), abs=1e-6)


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_precision_is_that_of_every_weight(small_model: Path, precision: str) -> None:
    model = model_loading.load(small_model, ServingRecipe(dtype=precision))
    assert {weight.dtype for weight in model.parameters()} == {getattr(torch, precision)}


def test_quantised_weights_are_bytes_and_the_folder_stays_as_it_is(small_model: Path) -> None:
    before = content_hash(small_model)
    model: Any = model_loading.load(small_model, recipe_of(["int8"]))
    linear = model.model.language_model.layers[0].mlp.up_proj
    assert linear.weight.qdata.dtype is torch.int8
    assert model.lm_head.weight.dtype is torch.float32
    assert content_hash(small_model) == before


def test_what_is_compiled_is_quantised_first() -> None:
    recipes = recipe_of(["compiled", "int8"]), recipe_of(["int8", "compiled"])
    assert recipes[0] == recipes[1]
    assert [step.__name__ for step in recipes[0].transforms] == ["quantised", "compiled"]


def test_an_adapter_can_stay_beside_its_base(
    small_model: Path, detector: Detector, questions: list[Question]
) -> None:
    apart = Detector.load(small_model, ServingRecipe(merges_adapter=False))
    names = [name for name, _ in apart.backend.model.named_parameters()]
    assert any("lora_A" in name for name in names)
    np.testing.assert_allclose(apart.words(questions), detector.words(questions), atol=1e-5)
    wanted = Rationale.ALWAYS
    assert reasons(apart.answer(questions, wanted)) == reasons(detector.answer(questions, wanted))


def reasons(verdicts: Sequence[Any]) -> list[tuple[str, int]]:
    return [(verdict.rationale, verdict.claims) for verdict in verdicts]


@pytest.mark.parametrize(("share", "most"), [(1.0, 168 * 168), (0.5, 168 * 84), (0.001, 56 * 56)])
def test_a_smaller_budget_means_fewer_pixels_and_as_many_image_tokens(
    roomy_model: Path, share: float, most: int
) -> None:
    preparer = Preparer.load(roomy_model, ServingRecipe(pixels=share))
    question = preparer.prepare(photos(3)[2])
    height, width, _ = question.pixels.shape
    assert most / 3 < height * width <= most
    image_token = preparer.processor.tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)
    assert question.prompt_ids.count(image_token) == height * width // 28**2


def test_evidence_is_measured_at_full_size_whatever_the_budget(roomy_model: Path) -> None:
    photo = photos(3)[2]
    whole, small = (
        Preparer.load(roomy_model, ServingRecipe(pixels=share)).prepare(photo)
        for share in (1.0, 0.25)
    )
    assert small.pixels.size < whole.pixels.size
    assert [one.measurement.value for one in small.findings] == [
        one.measurement.value for one in whole.findings
    ]


def test_a_model_answers_about_smaller_images(roomy_model: Path) -> None:
    recipe = ServingRecipe(pixels=0.25)
    with EvidencePool(roomy_model, 1, recipe=recipe) as pool:
        prepared = pool.submit(images.encode_jpeg(scene(2, 300, 200), 90)).result()
    assert prepared.question.pixels.size <= 0.25 * 168 * 168 * 3
    answered = Detector.load(roomy_model, recipe).words([prepared.question])
    assert np.isfinite(answered).all()


def test_a_pool_has_as_many_processes_as_the_recipe_says(small_model: Path) -> None:
    recipe = ServingRecipe(evidence_workers=3)
    with EvidencePool(small_model, recipe=recipe) as pool:
        assert pool.size == 3
    with EvidencePool(small_model, 1, recipe=recipe) as pool:
        assert pool.size == 1


@pytest.mark.usefixtures("_threads_as_before")
def test_threads_are_set_only_where_the_recipe_says_how_many(small_model: Path) -> None:
    torch.set_num_threads(2)
    model_loading.load(small_model, DEFAULT)
    assert torch.get_num_threads() == 2
    model_loading.load(small_model, ServingRecipe(threads=1))
    assert torch.get_num_threads() == 1


class Counting:
    """A backend that remembers how many were asked together."""

    def __init__(self, backend: Backend) -> None:
        self._backend, self.asked = backend, list[int]()

    def verdict_logits(self, questions: Sequence[Question]) -> Any:
        self.asked.append(len(questions))
        return self._backend.verdict_logits(questions)


def test_no_more_are_answered_together_than_the_recipe_says(
    small_model: Path, questions: list[Question]
) -> None:
    detector = Detector.load(small_model, ServingRecipe(batch_size=2))
    detector.backend = counting = Counting(detector.backend)
    detector.answer(questions)
    assert counting.asked == [2, 2, 1]


@pytest.fixture(scope="module")
def prefixed(small_model: Path) -> Detector:
    return Detector.load(small_model, ServingRecipe(caches_prefix=True))


@pytest.mark.parametrize("count", [1, 5])
def test_a_prefix_that_was_read_before_changes_no_verdict(
    detector: Detector, prefixed: Detector, questions: list[Question], count: int
) -> None:
    asked = questions[:count]
    assert count == 1 or len({len(one.prompt_ids) for one in asked}) > 1
    for _ in range(2):  # the first batch leaves nothing behind for the second
        np.testing.assert_allclose(prefixed.words(asked), detector.words(asked), atol=1e-5)


@pytest.mark.parametrize("count", [1, 5])
def test_a_prefix_that_was_read_before_changes_no_reason(
    detector: Detector, prefixed: Detector, questions: list[Question], count: int
) -> None:
    asked, labels = questions[:count], [list(Label)[n % 3] for n in range(count)]
    whole, continued = (one.backend.read(asked) for one in (detector, prefixed))
    np.testing.assert_allclose(continued.verdict_logits, whole.verdict_logits, atol=1e-5)
    # One model holds the positions of the batch that it is at, so one is finished first.
    assert continued.rationales(labels) == whole.rationales(labels)
    assert any(detector.backend.read(asked).rationales(labels))


def test_positions_after_a_prefix_are_those_of_the_whole_question(
    prefixed: Detector, questions: list[Question]
) -> None:
    backend: Any = prefixed.backend
    processor: Any = prefixed.preparer.processor
    rows, pixels = [q.prompt_ids for q in questions], [q.pixels for q in questions]
    prefix = Prefix(backend.model, processor)
    after, whole = prefix.batch(pixels, rows), processor.collate(pixels, rows)
    expected = processor.positions(backend.model, whole)
    for n, row in enumerate(rows):
        length = len(row) - len(processor.prefix_ids())
        assert torch.equal(after["position_ids"][:, n, -length:], expected[:, n, -length:])


def test_a_question_that_begins_otherwise_is_refused(
    prefixed: Detector, questions: list[Question]
) -> None:
    other = Question(questions[0].pixels, questions[0].prompt_ids[1:], (), "")
    with pytest.raises(CheckpointMismatch, match="does not begin"):
        prefixed.words([other])
