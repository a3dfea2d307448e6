"""A teacher on this machine: a Hugging Face vision-language model, by name or by folder.

Qwen2-VL, Qwen2.5-VL and InternVL in the form that transformers knows itself. No code of a
checkpoint is ever run, and weights are safetensors. Their own processors want torchvision for
videos, so the tokenizer and the image processor are put together here.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

from pydantic import Field

from assay.errors import ConfigError
from assay.settings import Settings
from assay.teachers.asked import AskedTeacher, Reply, Request, Unanswered

_QWEN = ("qwen2_vl", "qwen2_5_vl")
_INTERN = ("internvl",)
_INTERN_AROUND = ("<img>", "</img>")
"""Tokens before and after an image."""


class LocalOptions(Settings):
    """Which model, and how it writes."""

    model: str = Field(min_length=1)
    """A folder, or a name on the hub: what is not there yet is fetched where HF_HUB_OFFLINE=0."""
    revision: str = "main"
    device: str = ""
    """Such as ``cuda`` or ``cpu``; empty takes the GPU if there is one."""
    max_tokens: int = Field(400, ge=1)


class LocalVLM(AskedTeacher):
    """Answers one question at a time, always the same way: no sampling."""

    name: ClassVar[str] = "local_vlm"
    settings: ClassVar[type[Settings]] = LocalOptions

    def __init__(self, options: LocalOptions) -> None:
        self._options = options
        self._lock = Lock()
        self._model, self._tokenizer, self._images = _load(options)

    @property
    def identity(self) -> str:
        """The checkpoint, a folder by what lies in it, and how much it writes."""
        told, folder = self._options, Path(self._options.model)
        what = _contents(folder) if folder.is_dir() else f"{told.model}@{told.revision}"
        return f"{self.name} {what} n={told.max_tokens}"

    @property
    def at_once(self) -> int:
        """One: threads would wait for one another."""
        return 1

    def ask(self, request: Request) -> Reply | Unanswered:
        """Write up to ``max_tokens``; the schema is told in words only."""
        import torch

        with self._lock, torch.inference_mode():
            batch = self._batch(request)
            length = batch["input_ids"].shape[1]
            try:
                written = self._model.generate(
                    **batch, max_new_tokens=self._options.max_tokens, do_sample=False
                )
            except torch.OutOfMemoryError as error:
                return Unanswered(f"out of memory: {error}")
        answer = written[0, length:].tolist()
        text = str(self._tokenizer.decode(answer, skip_special_tokens=True))
        return Reply(text, length, len(answer))

    def _batch(self, request: Request) -> dict[str, Any]:
        """Token ids ``[1, s]`` with as many image tokens as the pixels make, and these pixels."""
        import torch
        from PIL import Image

        with Image.open(io.BytesIO(request.image)) as image:
            seen = dict(self._images(images=[image.convert("RGB")], return_tensors="pt"))
        config = self._model.config
        mark = self._tokenizer.convert_ids_to_tokens(config.image_token_id)
        text = self._prompt(request).replace(mark, _image_tokens(config, mark, seen), 1)
        ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        batch["pixel_values"] = seen["pixel_values"].to(self._model.dtype)
        if config.model_type in _QWEN:
            batch["image_grid_thw"] = torch.as_tensor(seen["image_grid_thw"])
            batch["mm_token_type_ids"] = ids.eq(config.image_token_id).int()
        return {name: tensor.to(self._model.device) for name, tensor in batch.items()}

    def _prompt(self, request: Request) -> str:
        """The chat form of the checkpoint; what it says is told cannot pass for an image."""
        mark = self._tokenizer.convert_ids_to_tokens(self._model.config.image_token_id)
        asked = request.text.replace(mark, "")
        parts = [{"type": "image"}, {"type": "text", "text": asked}]
        chat = [
            {"role": "system", "content": request.instructions},
            {"role": "user", "content": parts},
        ]
        return str(
            self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        )


def _image_tokens(config: Any, mark: str, seen: dict[str, Any]) -> str:
    if config.model_type in _QWEN:
        merged = config.vision_config.spatial_merge_size**2
        return mark * int(seen["image_grid_thw"][0].prod() // merged)
    before, after = _INTERN_AROUND
    tokens = mark * int(config.image_seq_length * seen["num_patches"][0])
    return before + tokens + after


def _load(options: LocalOptions) -> tuple[Any, Any, Any]:
    """Model, tokenizer and image processor; raises `ConfigError` for what cannot be loaded."""
    import torch
    from transformers import AutoConfig, AutoModelForImageTextToText, AutoTokenizer

    where: dict[str, Any] = {"revision": options.revision, "trust_remote_code": False}
    try:
        kind = AutoConfig.from_pretrained(options.model, **where).model_type
        images = _image_processor(kind).from_pretrained(options.model, revision=options.revision)
        tokenizer = AutoTokenizer.from_pretrained(options.model, **where)
        model = AutoModelForImageTextToText.from_pretrained(
            options.model, use_safetensors=True, dtype="auto", **where
        )
    except (OSError, ValueError, KeyError) as error:
        raise ConfigError(
            f"teacher.options.model: cannot load {options.model} ({error}); name a folder, or a "
            "model of the hub with HF_HUB_OFFLINE=0 in the environment"
        ) from error
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    ready: Any = model
    return ready.eval().to(device), tokenizer, images


def _image_processor(kind: str) -> Any:
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    if kind in _QWEN:
        return Qwen2VLImageProcessorPil
    if kind in _INTERN:
        return GotOcr2ImageProcessorPil
    raise ValueError(f"{kind} is none of {', '.join((*_QWEN, *_INTERN))}")


def _contents(folder: Path) -> str:
    """A hash of the names, sizes and times of its files: weights are too large to be read twice."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.iterdir() if path.is_file()):
        state = file.stat()
        digest.update(f"{file.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:16]
