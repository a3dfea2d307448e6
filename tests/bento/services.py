"""A service in this process: everything of it is real but the network and BentoML's batching."""

from __future__ import annotations

import asyncio
import base64
import io
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image
from starlette.testclient import TestClient

from assay import images, signing_keys, training
from assay.calibration import Calibration
from assay.detector import Detector, Rationale
from assay.model_folder import CALIBRATION_FILE
from assay.policy import Policy
from assay.progress import silent
from assay.questions import Question
from assay.records import Pixels, Verdict
from assay.store import StoreSettings
from bento.api.app import create_app
from bento.assembly import assemble
from bento.runtime import Runtime, attach
from bento.serving import UNPLANNED, Serving
from bento.settings import ServiceSettings
from tests.scenes import scene
from tests.training_runs import ADAPTER, BASE, dataset_and_measurements

KEYS = {
    signing_keys.URLS: base64.b64encode(b"u" * 32).decode(),
    signing_keys.CASES: base64.b64encode(b"c" * 32).decode(),
}
BASE_URL = "http://127.0.0.1:3000"


class LocalAnswers:
    """A detector in this process, one question at a time."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector

    async def answer(self, question: Question, rationale: Rationale) -> Verdict:
        verdicts = await asyncio.to_thread(self._detector.answer, [question], rationale)
        return verdicts[0]


@dataclass(frozen=True)
class Service:
    """A running service and a client of it."""

    client: TestClient
    app: FastAPI
    runtime: Runtime

    def detect(self, image: bytes, **fields: Any) -> httpx.Response:
        """The answer to one upload."""
        return self.client.post("/v1/detect", files={"file": ("a.jpg", image)}, data=fields)

    def detected(self, image: bytes, **fields: Any) -> dict[str, Any]:
        """The detection of one image, which has to succeed."""
        answer = self.detect(image, **fields)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


def trained_model(folder: Path) -> Path:
    """A small model, really trained, whose band leaves some verdicts on either side."""
    data = dataset_and_measurements(folder / "data")
    base = training.warm_up_base(*data, BASE, folder, silent)
    model = training.train_adapter(*data, base, BASE, ADAPTER, folder, silent, lambda *_: None)
    Calibration(2.0, 0.6, 0.5, 0.7).save(model / CALIBRATION_FILE)
    return model


@contextmanager
def running(
    model: Path,
    folder: Path,
    *,
    store: dict[str, Any] | None = None,
    serving: Serving = UNPLANNED,
    **settings: Any,
) -> Iterator[Service]:
    """A service over ``model`` with its store in ``folder``, warm; it ends with the context."""
    given: dict[str, Any] = {"workers": 1, "public_url": BASE_URL, **settings}
    chosen = ServiceSettings(model=model, **given)
    app = create_app()
    with pytest.MonkeyPatch.context() as patch:
        for name, key in KEYS.items():
            patch.setenv(name, key)
        detector = Detector.load(model, serving.recipe)
        if chosen.policy is not None:
            detector.follow(Policy.read(chosen.policy))
        answers = LocalAnswers(detector)
        given_store = StoreSettings(folder=folder, **(store or {}))
        runtime = assemble(chosen, given_store, answers, serving)
    attach(app, runtime)
    with TestClient(app, base_url=BASE_URL, raise_server_exceptions=False) as client:
        _wait_until_ready(client)
        yield Service(client, app, runtime)


def _wait_until_ready(client: TestClient) -> None:
    end = time.monotonic() + 60
    while client.get("/readyz").status_code != 200:
        assert time.monotonic() < end, client.get("/readyz").text
        time.sleep(0.05)


def photo(seed: int, height: int = 96, width: int = 128, quality: int = 90) -> bytes:
    """A JPEG that no other seed gives."""
    return images.encode_jpeg(scene(seed, height, width), quality)


def as_png(data: bytes) -> bytes:
    """The same pixels in another file."""
    return png(images.decode(data).pixels)


def png(pixels: Pixels) -> bytes:
    """Pixels ``[h, w, 3]`` as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(np.asarray(pixels)).save(buffer, "PNG")
    return buffer.getvalue()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
