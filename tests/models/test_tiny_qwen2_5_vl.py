from pathlib import Path

import numpy as np
import pytest
import torch

from assay import grounding, models, places, prompts, teachers
from assay.asking import rationales
from assay.errors import CheckpointMismatch, ConfigError
from assay.models.qwen_vl import IMAGE_TOKEN
from assay.models.tiny_qwen2_5_vl import SHIPPED
from assay.records import Finding, Label, Measurement
from assay.rehearsal import rehearsed

FINDING = Finding(Measurement("noise_inconsistency", 1.0), 0.03, "")
QUESTION = teachers.question([FINDING])
SMALL = {"taught": False, "hidden_size": 96, "vision_layers": 2, "text_layers": 2}


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


def test_patches_are_embedded_as_by_the_convolution(base: Path) -> None:
    embedding = models.family("tiny_qwen2_5_vl").load_model(base).model.visual.patch_embed
    kept = embedding.proj
    patches = torch.randn(12, kept.weight[0].numel(), generator=torch.Generator().manual_seed(0))
    convolved = torch.nn.functional.conv3d(
        patches.view(12, *kept.weight.shape[1:]), kept.weight, kept.bias, kept.stride
    )
    torch.testing.assert_close(embedding(patches), convolved.flatten(1), rtol=1e-4, atol=1e-5)
    assert list(embedding.state_dict()) == ["proj.weight"]


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


def test_the_fixed_line_can_stand_before_the_image(tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    family.create_base({**SMALL, "question_first": True}, seed=0, path=tmp_path)
    processor = family.load_processor(tmp_path)
    text = processor.decode(processor.prompt_ids((28, 28), QUESTION))
    first, second = (processor.prompt_ids(size, QUESTION) for size in ((28, 28), (56, 56)))
    alike = next(
        n for n, (one, other) in enumerate(zip(first, second, strict=False)) if one != other
    )
    assert prompts.QUESTION in processor.decode(first[:alike])
    assert text.count(prompts.QUESTION) == 1


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


def test_the_shipped_base_is_the_default_and_is_small(tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    family.create_base({}, seed=0, path=tmp_path)
    assert {tensor.dtype for tensor in family.load_model(tmp_path).parameters()} == {torch.float32}
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) < 4 * 2**20


def test_the_shipped_base_reads_ledgers_that_it_never_saw(tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    family.create_base({}, seed=0, path=tmp_path)
    model, processor = family.load_model(tmp_path).eval(), family.load_processor(tmp_path)
    made = [rehearsed("never seen", number) for number in range(16)]
    labels, told = [label for label, _, _ in made], [findings for _, findings, _ in made]
    images = [processor.resize(noise(96, 128)) for _ in told]
    asked = [
        processor.prompt_ids((image.shape[1], image.shape[0]), teachers.question(findings))
        for image, findings in zip(images, told, strict=True)
    ]
    texts = rationales(model, processor, images, asked, labels)
    reports = [grounding.check(*one) for one in zip(texts, told, labels, strict=True)]
    claims = sum(len(report.claims) for report in reports)
    assert sum(len(report.grounded) for report in reports) >= 0.9 * claims >= 0.9 * 2 * 16


@pytest.mark.parametrize("change", [{"hidden_size": 96}, {"max_pixels": 56 * 56}])
def test_a_shipped_base_of_another_geometry_is_refused(
    change: dict[str, int], tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"base\.options\.taught=false"):
        models.family("tiny_qwen2_5_vl").create_base(change, seed=0, path=tmp_path)


def test_a_base_that_was_taught_other_questions_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompts, "PROMPT_VERSION", "another")
    with pytest.raises(ConfigError, match="other questions"):
        models.family("tiny_qwen2_5_vl").create_base({}, seed=0, path=tmp_path)


def test_loading_an_empty_folder_names_it(tmp_path: Path) -> None:
    family = models.family("tiny_qwen2_5_vl")
    for load in (family.load_model, family.load_processor):
        with pytest.raises(CheckpointMismatch, match=str(tmp_path)):
            load(tmp_path)
