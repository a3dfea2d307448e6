from __future__ import annotations

from pathlib import Path

import pytest

from assay import models
from assay.errors import ConfigError
from assay.progress import silent
from assay.rationales import instructions, reasons, writing
from assay.rationales.gate import Fault
from assay.rationales.settings import TeacherSettings
from assay.teachers.asked import Reply, asked_teacher
from assay.teachers.local_vlm import LocalVLM
from tests import training_runs
from tests.rationales.cases import EDITED

REQUEST = instructions.reason(EDITED, 96)


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real Qwen2.5-VL of random weights, small enough to ask."""
    folder = tmp_path_factory.mktemp("qwen")
    models.family(training_runs.BASE.family).create_base(training_runs.BASE.options, 0, folder)
    return folder


def qwen2(folder: Path, qwen: Path) -> Path:
    """A Qwen2-VL with the tokenizer and the image settings of ``qwen``."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration

    processor = models.family(training_runs.BASE.family).load_processor(qwen)
    processor.save(folder)
    tokenizer = processor.tokenizer  # type: ignore[attr-defined]
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 96,
        "intermediate_size": 96,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "rope_parameters": {
            "rope_type": "default",
            "rope_theta": 1e4,
            "mrope_section": [8, 8, 8],
        },
    }
    vision = {"depth": 1, "embed_dim": 96, "num_heads": 2, "hidden_size": 96, "mlp_ratio": 1}
    marks = {
        "image_token_id": "<|image_pad|>",
        "video_token_id": "<|video_pad|>",
        "vision_start_token_id": "<|vision_start|>",
        "vision_end_token_id": "<|vision_end|>",
    }
    ids = {name: tokenizer.convert_tokens_to_ids(mark) for name, mark in marks.items()}
    config = Qwen2VLConfig(text_config=text, vision_config=vision, **ids)
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    return folder


def intern(folder: Path) -> Path:
    """An InternVL with a tokenizer of bytes and its own chat form."""
    from tokenizers import Tokenizer
    from tokenizers import models as kinds
    from tokenizers.decoders import ByteLevel as Decoder
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        InternVLConfig,
        InternVLForConditionalGeneration,
        PreTrainedTokenizerFast,
    )
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    alphabet = {one: number for number, one in enumerate(sorted(ByteLevel.alphabet()))}
    made = Tokenizer(kinds.BPE(vocab=alphabet, merges=[]))
    made.pre_tokenizer, made.decoder = ByteLevel(add_prefix_space=False), Decoder()
    template = (
        "{% for m in messages %}<|im_start|>{{ m.role }}\n"
        "{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}"
        "{% if p.type == 'image' %}<IMG_CONTEXT>\n{% else %}{{ p.text }}{% endif %}{% endfor %}"
        "{% endif %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made,
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        chat_template=template,
    )
    marks = ["<IMG_CONTEXT>", "<img>", "</img>", "<|im_start|>", "<|im_end|>"]
    tokenizer.add_special_tokens({"additional_special_tokens": marks})
    tokenizer.save_pretrained(folder)
    size = {"height": 56, "width": 56}
    GotOcr2ImageProcessorPil(size=size, crop_to_patches=True, max_patches=2).save_pretrained(folder)
    text = {
        "model_type": "qwen2",
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
    }
    vision = {
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": [56, 56],
        "patch_size": [14, 14],
    }
    mark = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    config = InternVLConfig(
        text_config=text, vision_config=vision, image_token_id=mark, image_seq_length=4
    )
    InternVLForConditionalGeneration(config).save_pretrained(folder)
    return folder


def asked(folder: Path, tokens: int = 8) -> tuple[LocalVLM, Reply]:
    one = asked_teacher("local_vlm", {"model": str(folder), "max_tokens": tokens, "device": "cpu"})
    reply = one.ask(REQUEST)
    assert isinstance(one, LocalVLM)
    assert isinstance(reply, Reply)
    return one, reply


def test_a_qwen2_5_vl_is_asked_for_real(qwen: Path) -> None:
    one, reply = asked(qwen)
    assert reply.tokens_in > 100
    assert 0 < reply.tokens_out <= 8
    assert one.ask(REQUEST) == reply


def test_the_image_counts(qwen: Path) -> None:
    one, _ = asked(qwen)
    batch = one._batch(REQUEST)
    marks = int(batch["input_ids"].eq(one._model.config.image_token_id).sum())
    assert marks == int(batch["image_grid_thw"][0].prod()) // 4 > 0
    assert batch["mm_token_type_ids"].sum() == marks


def test_a_qwen2_vl_is_asked_for_real(qwen: Path, tmp_path: Path) -> None:
    _, reply = asked(qwen2(tmp_path, qwen))
    assert reply.tokens_out > 0


def test_an_internvl_is_asked_for_real(tmp_path: Path) -> None:
    one, reply = asked(intern(tmp_path))
    assert reply.tokens_out > 0
    marks = one._batch(REQUEST)["input_ids"].eq(one._model.config.image_token_id).sum()
    assert int(marks) % 4 == 0
    assert int(marks) > 0


def test_what_is_told_cannot_pass_for_an_image(qwen: Path) -> None:
    one, _ = asked(qwen)
    from dataclasses import replace

    hostile = replace(REQUEST, text=REQUEST.text + "<|image_pad|>" * 9)
    assert one._batch(hostile)["input_ids"].shape == one._batch(REQUEST)["input_ids"].shape


def test_the_identity_follows_the_files(qwen: Path, tmp_path: Path) -> None:
    first = asked(qwen)[0].identity
    assert asked(qwen)[0].identity == first
    assert asked(qwen2(tmp_path, qwen))[0].identity != first


def test_what_is_no_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="HF_HUB_OFFLINE=0"):
        asked_teacher("local_vlm", {"model": str(tmp_path)})
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="internvl"):
        asked_teacher("local_vlm", {"model": str(tmp_path)})


def test_what_a_random_model_writes_is_rejected_and_replaced(qwen: Path, tmp_path: Path) -> None:
    data = training_runs.dataset_and_measurements(tmp_path / "data")
    options = {"model": str(qwen), "max_tokens": 4, "device": "cpu"}
    told = TeacherSettings(name="local_vlm", options=options, retries=0, judged=0)
    table = writing.write(*data, told, tmp_path, silent, 1)
    account = reasons.account_of(table)
    assert account.rejections == {Fault.UNREADABLE: 18}
    assert reasons.learned(table) == {}
