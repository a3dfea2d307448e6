from pathlib import Path

import numpy as np
import pytest
import torch

from assay import models, places, prompts, teachers
from assay.errors import CheckpointMismatch
from assay.models.qwen_vl import IMAGE_TOKEN
from assay.records import Finding, Label, Measurement

FINDING = Finding(Measurement("noise_inconsistency", 1.0), 0.03, "")
QUESTION = teachers.question([FINDING])
SMALL = {"hidden_size": 96, "vision_layers": 2, "text_layers": 2}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("base")
    models.family("tiny_qwen2_5_vl").create_base(SMALL, seed=0, path=path)
    return path


@pytest.fixture(scope="module")
def processor(base: Path) -> models.Processor:
    return models.family("tiny_qwen2_5_vl").load_processor(base)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_base_is_a_qwen2_5_vl_in_safetensors_only(base: Path) -> None:
    model = models.family("tiny_qwen2_5_vl").load_model(base)
    assert type(model).__name__ == "Qwen2_5_VLForConditionalGeneration"
    assert [path.name for path in base.glob("model*")] == ["model.safetensors"]


def test_base_is_deterministic_in_its_seed(base: Path, tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    family.create_base(SMALL, seed=0, path=tmp_path / "same")
    family.create_base(SMALL, seed=1, path=tmp_path / "other")
    weights = [(p / "model.safetensors").read_bytes() for p in (base, tmp_path / "same")]
    assert weights[0] == weights[1]
    assert weights[0] != (tmp_path / "other" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("shape", [(224, 224), (256, 384), (900, 500), (30, 40)])
def test_pixels_equal_those_of_the_original_image_processor(
    processor: models.Processor, shape: tuple[int, int]
) -> None:
    image = noise(*shape)
    original = processor.image_processor(images=[image], return_tensors="pt")  # type: ignore[attr-defined]
    ours = processor.collate([processor.resize(image)], [[1]])
    torch.testing.assert_close(ours["pixel_values"], original["pixel_values"], atol=1e-5, rtol=0)
    assert torch.equal(ours["image_grid_thw"], original["image_grid_thw"])


def test_resize_accepts_a_strip_that_the_original_refuses(processor: models.Processor) -> None:
    assert min(processor.resize(noise(1, 1000)).shape[:2]) >= 28


def test_prompt_has_one_image_token_for_each_merged_patch(processor: models.Processor) -> None:
    ids = processor.prompt_ids((252, 168), QUESTION)
    image_id = processor.tokenizer.convert_tokens_to_ids(IMAGE_TOKEN)  # type: ignore[attr-defined]
    assert ids.count(image_id) == (252 // 28) * (168 // 28)


def test_prompt_reads_as_the_published_chat_form(processor: models.Processor) -> None:
    ids = processor.prompt_ids((28, 28), QUESTION)
    text = processor.tokenizer.decode(ids)  # type: ignore[attr-defined]
    assert text == (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        f"<|vision_start|>{IMAGE_TOKEN}<|vision_end|>{QUESTION}<|im_end|>\n"
        "<|im_start|>assistant\n"
    )


def test_answers_survive_the_tokenizer(processor: models.Processor) -> None:
    text = prompts.render(prompts.Answer(Label.MANIPULATED, "Ünusual: 100 % — “café” 漢字."))
    assert processor.decode(processor.answer_ids(text)) == text


def test_a_place_is_written_in_as_many_tokens_as_words(processor: models.Processor) -> None:
    for place in places.PLACES:
        _, *ids, _ = processor.answer_ids(f"in the {place}")
        assert len(ids) == len(place.split()) + 1


def test_verdict_words_begin_with_three_different_tokens(processor: models.Processor) -> None:
    for label, token in zip(Label, processor.verdict_ids(), strict=True):
        answer = prompts.render(prompts.Answer(label, "Because."))
        assert processor.answer_ids(answer)[0] == token


def test_padding_changes_no_logits(base: Path, processor: models.Processor) -> None:
    model = models.family("tiny_qwen2_5_vl").load_model(base).eval()
    short, long = (processor.prompt_ids((56, 56), QUESTION * n) for n in (1, 3))
    image = noise(56, 56)
    with torch.inference_mode():
        alone = model(**processor.collate([image], [short]), logits_to_keep=1).logits[0]
        batch = processor.collate([image, image], [short, long])
        padded = model(**batch, logits_to_keep=1).logits[0]
    torch.testing.assert_close(alone, padded, atol=1e-4, rtol=1e-4)


def test_loading_an_empty_folder_names_it(tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    for load in (family.load_model, family.load_processor):
        with pytest.raises(CheckpointMismatch, match=str(tmp_path)):
            load(tmp_path)
