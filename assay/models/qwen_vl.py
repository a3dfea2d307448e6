"""What all Qwen2.5-VL models share: loading, the chat form and the pixel patches.

transformers' own ``Qwen2_5_VLProcessor`` needs torchvision for its video half, so the tokenizer and
the PIL image processor are composed here; a test holds the patches equal to the original's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from assay import prompts
from assay.errors import CheckpointMismatch
from assay.models import ModelFamily
from assay.records import Label, Pixels
from assay.serving_recipe import DEFAULT, ServingRecipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerFast
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

IMAGE_TOKEN = "<|image_pad|>"

_LAYOUT_FILE = "chat_layout.json"
"""Where the question stands; a base without this file was taught it after the image."""

LORA_TARGETS = (
    r".*(language_model.*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    r"|visual.*\.(qkv|proj|gate_proj|up_proj|down_proj)|merger\.mlp\.[02])"
)


def token_id(tokenizer: PreTrainedTokenizerFast, token: str) -> int:
    """The id of a special token; raises `CheckpointMismatch` when the vocabulary lacks it."""
    found = tokenizer.convert_tokens_to_ids(token)
    if not isinstance(found, int) or tokenizer.convert_ids_to_tokens(found) != token:
        raise CheckpointMismatch(f"the tokenizer has no {token}; it is not one of Qwen2.5-VL")
    return found


class QwenVLProcessor:
    """Tokenizer and image settings of one Qwen2.5-VL checkpoint."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        image_processor: Qwen2VLImageProcessorPil,
        question_first: bool = False,
    ) -> None:
        self.tokenizer = tokenizer
        self.image_processor = image_processor
        self.question_first = question_first
        """Whether the one fixed line of the question stands before the image."""
        self._image_token = token_id(tokenizer, IMAGE_TOKEN)

    @classmethod
    def load(cls, path: Path) -> QwenVLProcessor:
        """Read tokenizer and image settings from a checkpoint folder."""
        from transformers import PreTrainedTokenizerFast
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,
        )

        return cls(
            PreTrainedTokenizerFast.from_pretrained(path, local_files_only=True),
            Qwen2VLImageProcessorPil.from_pretrained(path, local_files_only=True),
            _read_layout(path / _LAYOUT_FILE),
        )

    def save(self, path: Path) -> None:
        """Write tokenizer, image settings and layout into the folder ``path``."""
        self.tokenizer.save_pretrained(path)
        self.image_processor.save_pretrained(path)
        if self.question_first:
            layout = json.dumps({"question_first": True})
            (path / _LAYOUT_FILE).write_text(layout, encoding="utf-8")

    def resize(self, pixels: Pixels) -> Pixels:
        """Scale to multiples of 28 pixels within the checkpoint's pixel budget."""
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        height, width = pixels.shape[:2]
        if max(height, width) > 200 * min(height, width):  # smart_resize refuses such strips
            pixels = pixels[: 200 * width, : 200 * height]
            height, width = pixels.shape[:2]
        settings = self.image_processor
        height, width = smart_resize(
            height,
            width,
            factor=settings.patch_size * settings.merge_size,
            min_pixels=settings.size["shortest_edge"],
            max_pixels=settings.size["longest_edge"],
        )
        if (height, width) == pixels.shape[:2]:
            return pixels
        return np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC))

    def content(self, question: str) -> list[dict[str, str]]:
        """The parts of the user turn in the chat form, in the order that the base was taught."""
        image = {"type": "image"}
        if not self.question_first:
            return [image, {"type": "text", "text": question}]
        fixed, _, rest = question.partition("\n")
        return [{"type": "text", "text": fixed}, image, {"type": "text", "text": rest}]

    def scale_budget(self, share: float) -> None:
        """Let images have ``share`` of the pixels that they have now, at most."""
        size: Any = self.image_processor.size  # a frozen dataclass once it was read
        most = max(size["shortest_edge"], round(share * size["longest_edge"]))
        self.image_processor.size = replace(size, longest_edge=most)

    def prompt_ids(self, size: tuple[int, int], question: str) -> list[int]:
        """The user turn with as many image tokens as the image has merged patches."""
        turn = {"role": "user", "content": self.content(question)}
        conversation: list[dict[str, Any]] = [turn]
        text = str(
            self.tokenizer.apply_chat_template(
                conversation, tokenize=False, add_generation_prompt=True
            )
        )
        side = self.image_processor.patch_size * self.image_processor.merge_size
        image_tokens = IMAGE_TOKEN * ((size[0] // side) * (size[1] // side))
        return self._encode(text.replace(IMAGE_TOKEN, image_tokens, 1))

    def answer_ids(self, text: str) -> list[int]:
        """The assistant turn, closed by ``<|im_end|>``."""
        return self._encode(text + "<|im_end|>")

    def verdict_ids(self) -> list[int]:
        """First tokens of the verdict words; raises `CheckpointMismatch` unless all differ."""
        ids = [self._encode(f"{prompts.VERDICT_WORDS[label]}.")[0] for label in Label]
        if len(set(ids)) != len(ids):
            raise CheckpointMismatch(f"the tokenizer begins two verdict words alike: {ids}")
        return ids

    def prefix_ids(self) -> list[int]:
        """The tokens that every prompt begins with, up to its image."""
        side = self.image_processor.patch_size * self.image_processor.merge_size
        prompt = self.prompt_ids((side, side), prompts.QUESTION)
        return prompt[: prompt.index(self._image_token)]

    def positions(self, model: PreTrainedModel, batch: dict[str, Tensor]) -> Tensor:
        """Multimodal rotary positions ``[3, b, s]`` (time, row, column) of a batch by `collate`.

        What they lag behind the number of tokens is kept in ``model``, as its own forward does: it
        is needed for the tokens that are written later.
        """
        inner: Any = model.model
        kinds = ("input_ids", "mm_token_type_ids", "image_grid_thw", "attention_mask")
        positions: Tensor
        positions, inner.rope_deltas = inner.get_rope_index(**{kind: batch[kind] for kind in kinds})
        return positions

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ``ids`` without special tokens."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def collate(self, images: Sequence[Pixels], rows: Sequence[list[int]]) -> dict[str, Tensor]:
        """Pad ``rows`` on the left and cut ``images`` into patches.

        Left padding puts every answer at the end, so that logits are computed for the last
        positions only. Returns ``input_ids``, ``attention_mask`` and ``mm_token_type_ids``
        ``[b, s]``, ``pixel_values`` ``[patches, 3 * 2 * 14 * 14]``, ``image_grid_thw`` ``[b, 3]``.
        """
        import torch

        width = max(map(len, rows))
        ids = torch.full((len(rows), width), int(self.tokenizer.pad_token_id))
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, width - len(row) :] = torch.tensor(row)
            mask[i, width - len(row) :] = 1
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "mm_token_type_ids": ids.eq(self._image_token).int(),
            "pixel_values": torch.cat([self._patches(image) for image in images]),
            "image_grid_thw": torch.tensor([self._grid(image) for image in images]),
        }

    def features(self, model: PreTrainedModel, images: Sequence[Pixels]) -> Tensor:
        """Merged patches, averaged over each of ``images`` of one size: ``[b, d]`` in fp32."""
        import torch

        inner: Any = model.model
        seen = inner.get_image_features(
            torch.cat([self._patches(image) for image in images]).to(model.device),
            torch.tensor([self._grid(image) for image in images]).to(model.device),
        )
        return torch.stack([tokens.float().mean(dim=0) for tokens in seen.pooler_output])

    def _encode(self, text: str) -> list[int]:
        return [int(i) for i in self.tokenizer.encode(text, add_special_tokens=False)]

    def _grid(self, image: Pixels) -> tuple[int, int, int]:
        patch = self.image_processor.patch_size
        return 1, image.shape[0] // patch, image.shape[1] // patch

    def _patches(self, image: Pixels) -> torch.Tensor:
        """Normalised patches, 2 x 2 neighbours adjacent, each frame doubled in time."""
        import torch

        settings = self.image_processor
        patch, merge, frames = (
            settings.patch_size,
            settings.merge_size,
            settings.temporal_patch_size,
        )
        _, rows, columns = self._grid(image)
        mean = torch.tensor(settings.image_mean) * 255
        std = torch.tensor(settings.image_std) * 255
        values = (torch.tensor(image).float() - mean) / std
        values = values.view(
            rows // merge, merge, patch, columns // merge, merge, patch, values.shape[-1]
        ).permute(0, 3, 1, 4, 6, 2, 5)
        values = values.unsqueeze(5).expand(-1, -1, -1, -1, -1, frames, -1, -1)
        return values.reshape(rows * columns, -1)


def _read_layout(path: Path) -> bool:
    return path.exists() and json.loads(path.read_text(encoding="utf-8"))["question_first"] is True


class QwenVLFamily(ModelFamily):
    """Loading that every Qwen2.5-VL family shares."""

    lora_targets = LORA_TARGETS

    def load_model(self, path: Path, recipe: ServingRecipe = DEFAULT) -> PreTrainedModel:
        """Load ``Qwen2_5_VLForConditionalGeneration`` from a local folder, safetensors only."""
        from transformers import Qwen2_5_VLForConditionalGeneration
        from transformers.utils import logging as transformers_logging

        from assay import patch_products

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            model = Qwen2_5_VLForConditionalGeneration.from_pretrained(path, **_options(recipe))
        except (OSError, ValueError) as error:
            raise CheckpointMismatch(
                f"cannot load a Qwen2.5-VL model from {path}: {error}"
            ) from error
        patch_products.embed_by_product(model.model.visual.patch_embed)
        return model

    def load_processor(self, path: Path, recipe: ServingRecipe = DEFAULT) -> QwenVLProcessor:
        """Load tokenizer and image settings from the same folder."""
        try:
            processor = QwenVLProcessor.load(path)
        except (OSError, ValueError, KeyError) as error:
            raise CheckpointMismatch(
                f"cannot load a Qwen2.5-VL tokenizer from {path}: {error}"
            ) from error
        processor.scale_budget(recipe.pixels)
        return processor


def _options(recipe: ServingRecipe) -> dict[str, Any]:
    """Arguments of transformers' ``from_pretrained``."""
    options: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True,
        "dtype": recipe.dtype,
    }
    if recipe.attention:
        options["attn_implementation"] = recipe.attention
    if recipe.quantization:
        options["quantization_config"] = dict(recipe.quantization)
        options["device_map"] = {"": 0}  # such weights are made on the GPU, and stay there
    return options
