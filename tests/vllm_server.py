"""A server that speaks the part of vLLM's protocol that Assay uses, over a real checkpoint.

The checkpoint is loaded as transformers alone would load it: nothing of Assay's inference is here,
so equal answers mean that the checkpoint, the chat form and the picture arrived whole.
"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, HTTPException
from PIL import Image
from transformers import Qwen2_5_VLForConditionalGeneration

from assay.models.qwen_vl import IMAGE_TOKEN, QwenVLProcessor

IMAGE_MARK = "<|image_pad|>"


class Checkpoint:
    """A model that answers chats, as vLLM does: template, image, next tokens."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.chats: list[dict[str, Any]] = []
        self._model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder).eval()
        self._processor = QwenVLProcessor.load(folder)
        self._lock = threading.Lock()

    def complete(self, chat: dict[str, Any]) -> dict[str, Any]:
        """The one choice of a completion."""
        if chat["model"] != self.name:
            raise HTTPException(404, f"The model `{chat['model']}` does not exist.")
        with self._lock:
            self.chats.append(chat)
            batch = self._processor.collate([_image(chat)], [self._ids(chat)])
            if chat.get("logprobs"):
                return self._one_token(batch, chat["top_logprobs"])
            return self._text(batch, chat["max_tokens"])

    def _ids(self, chat: dict[str, Any]) -> list[int]:
        tokenizer = self._processor.tokenizer
        text = tokenizer.apply_chat_template(
            [_plain(message) for message in chat["messages"]],
            tokenize=False,
            add_generation_prompt=chat.get("add_generation_prompt", True),
            continue_final_message=chat.get("continue_final_message", False),
        )
        height, width = _image(chat).shape[:2]
        text = text.replace(IMAGE_MARK, IMAGE_TOKEN * (height // 28 * (width // 28)), 1)
        return list(tokenizer.encode(text, add_special_tokens=False))

    def _one_token(self, batch: dict[str, Any], listed: int) -> dict[str, Any]:
        with torch.inference_mode():
            logits = self._model(**batch).logits[0, -1].float()
        top = torch.log_softmax(logits, -1).topk(listed)
        told = [
            {"token": f"token_id:{number}", "logprob": float(value)}
            for value, number in zip(top.values, top.indices, strict=True)
        ]
        return {"message": {"content": "?"}, "logprobs": {"content": [{"top_logprobs": told}]}}

    def _text(self, batch: dict[str, Any], length: int) -> dict[str, Any]:
        with torch.inference_mode():
            out = self._model.generate(**batch, max_new_tokens=length, do_sample=False)
        new = out[0, batch["input_ids"].shape[1] :].tolist()
        return {"message": {"content": self._processor.decode(new)}}


def _image(chat: dict[str, Any]) -> np.ndarray:
    parts = chat["messages"][0]["content"]
    url = next(part["image_url"]["url"] for part in parts if part["type"] == "image_url")
    with Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """As vLLM hands a message to the chat template."""
    if isinstance(message["content"], str):
        return message
    parts = [
        {"type": "image"} if part["type"] == "image_url" else part for part in message["content"]
    ]
    return {**message, "content": parts}


@contextmanager
def serving(checkpoint: Checkpoint, key: str = "") -> Iterator[str]:
    """The address at which ``checkpoint`` answers meanwhile, on loopback."""
    server = uvicorn.Server(uvicorn.Config(_app(checkpoint, key), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def _app(checkpoint: Checkpoint, key: str) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def check(request: Any, proceed: Any) -> Any:
        from fastapi.responses import JSONResponse

        if key and request.headers.get("authorization") != f"Bearer {key}":
            return JSONResponse({"error": "Unauthorized"}, 401)
        return await proceed(request)

    @app.get("/v1/models")
    def models() -> dict[str, Any]:
        return {"object": "list", "data": [{"id": checkpoint.name, "object": "model"}]}

    @app.post("/v1/chat/completions")
    def chat(body: dict[str, Any]) -> dict[str, Any]:
        return {"object": "chat.completion", "choices": [checkpoint.complete(body)]}

    return app
