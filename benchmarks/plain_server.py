"""What a first version of a service looks like, to measure the real one against.

One image a request, decoded and measured where it is answered, `generate` with 128 new tokens,
and the verdict by looking for words in what was written. Weights, evidence and prompt are the same.

    python -m benchmarks.plain_server MODEL_FOLDER PORT
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, UploadFile

from assay import images, model_loading
from assay.questions import Preparer, Question

if TYPE_CHECKING:
    from assay.models import Processor

NEW_TOKENS = 128


def generated(model: Any, processor: Processor, question: Question) -> str:
    """All that the model writes about one image."""
    import torch

    batch = processor.collate([question.pixels], [question.prompt_ids])
    with torch.inference_mode():
        output = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False)
    return processor.decode(output[0][batch["input_ids"].shape[1] :].tolist())


def keyword(text: str) -> str:
    """The verdict by keywords: wrong about "has not been manipulated", and usual."""
    lower = text.lower()
    return next((word for word in ("manipulated", "synthesized") if word in lower), "authentic")


def serve(folder: Path, port: int) -> None:
    """Answer on loopback until ended."""
    model, preparer, app = model_loading.load(folder), Preparer.load(folder), FastAPI()

    @app.post("/detect")
    def detect(file: UploadFile) -> dict[str, Any]:
        question = preparer.prepare(images.decode(file.file.read()))
        text = generated(model, preparer.processor, question)
        found = [finding.sentence for finding in question.findings]
        return {"label": keyword(text), "rationale": text, "findings": found}

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]))
