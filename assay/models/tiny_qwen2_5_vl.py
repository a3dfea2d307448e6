"""A real Qwen2.5-VL of a few million parameters, built from a config: the embedded default.

Same class, chat form and answers as the 3B model, so that everything downstream is exercised for
real on two cores; its tokenizer is trained here on the sentences that Assay itself can form.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product, repeat
from pathlib import Path
from typing import Any

from assay import places, prompts, teachers
from assay.errors import ConfigError
from assay.evidence import Role, examiners
from assay.models.qwen_vl import IMAGE_TOKEN, QwenVLFamily, QwenVLProcessor, token_id
from assay.records import Finding, Hypothesis, Label, Measurement, Region
from assay.settings import Settings
from assay.teachers import claims

_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    IMAGE_TOKEN,
    "<|video_pad|>",
)
# The form that the published checkpoints carry, reduced to what is asked here.
_CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if loop.first and message.role != 'system' %}"
    "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}"
    "<|im_start|>{{ message.role }}\n"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}{% if part.type == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


SHIPPED = Path(__file__).with_name("tiny")
"""A base that was taught to read ledgers, in half precision, with the card of its training."""
CARD = "card.json"


class TinySettings(Settings):
    """The geometry of the tiny model, and what it knows."""

    taught: bool = True
    """Start from the base that ships with Assay; else from random weights, to be warmed up."""
    hidden_size: int = 144
    vision_layers: int = 2
    text_layers: int = 4
    max_pixels: int = 168 * 168
    """Larger images are scaled down to this many pixels; 28 x 28 of them make one token."""
    vocabulary: int = 768
    question_first: bool = False
    """Whether the question's fixed line stands before the image, so that a server that caches what
    prompts begin with reads it once. The base that ships with Assay was taught it behind."""


class TinyQwen25VL(QwenVLFamily):
    """``Qwen2_5_VLForConditionalGeneration`` of a few million weights, shipped or random."""

    name = "tiny_qwen2_5_vl"
    settings = TinySettings

    def create_base(self, options: dict[str, Any], seed: int, path: Path) -> None:
        """Write the shipped base, or random weights with a tokenizer trained for them.

        Raises `ConfigError` for a shipped base of another geometry, or that was taught other
        questions than are asked now.
        """
        import torch
        from transformers import Qwen2_5_VLForConditionalGeneration

        geometry = TinySettings(**options)
        if geometry.taught:
            _check_card(geometry)
            processor, model = self.load_processor(SHIPPED), self.load_model(SHIPPED)
            model = model.to(torch.float32)  # type: ignore[arg-type]
        else:
            processor = _build_processor(geometry)
            torch.manual_seed(seed)
            model = Qwen2_5_VLForConditionalGeneration(_config(geometry, processor))
        model.save_pretrained(path, safe_serialization=True)
        processor.save(path)


def _check_card(wanted: TinySettings) -> None:
    card = json.loads((SHIPPED / CARD).read_text(encoding="utf-8"))
    geometry, asked = (
        settings.model_dump(exclude={"taught"})
        for settings in (TinySettings(**card["options"]), wanted)
    )
    if (card["prompt_version"], geometry) != (prompts.PROMPT_VERSION, asked):
        raise ConfigError(
            "base.options: the base that ships with Assay has another geometry, or was taught "
            "other questions; pass base.options.taught=false and base.warm_up=true to train one"
        )


def _config(geometry: TinySettings, processor: QwenVLProcessor) -> Any:
    from transformers import Qwen2_5_VLConfig

    hidden, tokenizer = geometry.hidden_size, processor.tokenizer
    ids = {name: token_id(tokenizer, name) for name in _SPECIAL}
    return Qwen2_5_VLConfig(
        text_config={
            "vocab_size": len(tokenizer),
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_hidden_layers": geometry.text_layers,
            "num_attention_heads": hidden // 48,
            "num_key_value_heads": hidden // 96,
            "max_position_embeddings": 4096,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10_000.0,
                "mrope_section": [8, 8, 8],
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": geometry.vision_layers,
            "hidden_size": hidden,
            "intermediate_size": 2 * hidden,
            "num_heads": hidden // 48,
            "out_hidden_size": hidden,
            "fullatt_block_indexes": list(range(1, geometry.vision_layers, 2)),
        },
        image_token_id=ids[IMAGE_TOKEN],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        # Tied, the verdict words would have to be alike wherever a verdict cannot be foreseen, and
        # reasons could not tell which of them stands before them (decision 0048).
        tie_word_embeddings=False,
    )


def _build_processor(geometry: TinySettings) -> QwenVLProcessor:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=geometry.vocabulary,
        special_tokens=list(_SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sentences(), trainer)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=_CHAT_TEMPLATE,
    )
    pixels = Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=geometry.max_pixels)
    return QwenVLProcessor(fast, pixels, geometry.question_first)


def _sentences() -> Iterator[str]:
    """Every question and answer that Assay's own words can form, each kind once."""
    yield "system\nYou are a helpful assistant.\nuser\nassistant\n"
    rates = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, None)
    told = [(name, one) for name, one in examiners().items() if one.role is Role.FUSED]
    for (name, examiner), rate in product(told, rates):
        measurement = Measurement(name)
        finding = Finding(measurement, rate, "", examiner.title, examiner.suggests)
        yield teachers.question([finding])
        yield from map(_answer, Label, repeat(finding))
    pointing = Measurement("", regions=(Region(0, 0, 1, 1),))
    for edit, kind in product((*claims.ACTIONS, ""), Hypothesis):
        yield _answer(Label.MANIPULATED, Finding(pointing, 0.0, "", "", kind), edit)
    for statement, place in product(claims.Statement, places.PLACES):
        yield claims.write([statement, claims.Inferred(place, claims.ALTERED[0])])


def _answer(label: Label, finding: Finding, edit: str = "") -> str:
    rationale = teachers.teacher().rationale(label, edit, None, [finding])
    return prompts.render(prompts.Answer(label, rationale))
