"""The service against a plain FastAPI server: same weights, same evidence, same images.

The model's word is asked for every image: the folder that is measured has no fusion. (Where fusion
gives the word no weight, as the shipped champion's does, verdicts need no prefill at all.)
``ASSAY_MODEL`` names another model folder; without it one is trained, for a minute, on the bundled
photographs.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from assay import images, measuring
from assay.calibration import Calibration
from assay.dataset import DataSettings
from assay.dataset_builder import build_dataset
from assay.detector import Detector, Rationale
from assay.images import Variant
from assay.load.pacing import Load
from assay.model_folder import CALIBRATION_FILE, FUSION_FILE
from assay.optimisation import OptimisationSettings
from assay.progress import silent
from assay.questions import Question
from assay.records import Split
from assay.serving_recipe import DEFAULT
from assay.training import BaseSettings, TrainingSettings, train_adapter, warm_up_base
from benchmarks import load, plain_server
from benchmarks.figures import Figure, in_turns, report, seconds
from benchmarks.load import milliseconds
from benchmarks.pictures import strangers, uploads

CLIENTS = 16
ROUNDS = 3
BATCH = DEFAULT.batch_size
"""Images of one round of the model stage."""
ALONE = 4
"""Images of one round that are answered one at a time, which takes long."""
MANY, FEW = 48, 16
"""Uploads to the service and to the plain server, by 16 clients."""
SINGLE = 40
"""Uploads by one client."""
_SEEN_LATER = 100_000
"""Where seeds of further images begin."""


def measure() -> list[Figure]:
    """The model stage alone, then both servers over HTTP."""
    with tempfile.TemporaryDirectory() as folder:
        model = model_without_fusion(Path(folder))
        detector = Detector.load(model)
        whole = [images.decode(data) for data in strangers(BATCH, 10 * _SEEN_LATER)]
        detector.detect(whole[:2])  # loads what is loaded on demand
        in_process = len(whole) / seconds(lambda: detector.detect(whole))
        photos = [images.decode(data) for data in uploads(BATCH, 10 * _SEEN_LATER)]
        figures = _model_stage(detector, [detector.preparer.prepare(photo) for photo in photos])
        return [*figures, *_over_http(model, Path(folder), in_process), *_machine()]


def model_without_fusion(folder: Path) -> Path:
    """A copy of the named model, or a freshly trained one, whose every verdict asks the model."""
    if named := os.environ.get("ASSAY_MODEL"):
        copy = folder / "model"
        shutil.copytree(named, copy)
        (copy / FUSION_FILE).unlink(missing_ok=True)
        return copy
    data = build_dataset(DataSettings(options={"crops_per_photo": 1}), folder / "data", silent)
    splits = [Split.TRAIN, Split.VALIDATION]
    measured = measuring.measure_dataset(data, splits, Variant.BIAS_CONTROLLED, None, silent)
    settings = BaseSettings(warm_up=False)
    base = warm_up_base(data, measured, settings, folder, silent)
    training = TrainingSettings(optimisation=OptimisationSettings(max_steps=4, evaluations=1))
    model = train_adapter(data, measured, base, settings, training, folder, silent, lambda *_: None)
    Calibration(2.0, 0.6, 0.5, 0.7).save(model / CALIBRATION_FILE)
    return model


def _model_stage(detector: Detector, questions: Sequence[Question]) -> list[Figure]:
    """Questions that are ready, answered in batches and one at a time."""

    def rate(rationale: Rationale) -> float:
        return len(questions) / seconds(lambda: detector.answer(questions, rationale))

    def alone() -> float:
        some = questions[:ALONE]
        return len(some) / seconds(lambda: [plain_server.generated(detector, q) for q in some])

    verdicts, reasoned, one = in_turns(
        ROUNDS, lambda: rate(Rationale.NEVER), lambda: rate(Rationale.ALWAYS), alone
    )
    against = "against generate() one at a time"
    return [
        Figure(f"model stage, verdict only, {against}", verdicts / one, "x", at_least=10),
        Figure(f"model stage, with reasons, {against}", reasoned / one, "x", at_least=3),
        Figure("  model stage, verdict only", verdicts, "images/s"),
        Figure("  model stage, with reasons", reasoned, "images/s"),
        Figure("  generate() one at a time", one, "images/s"),
    ]


def _over_http(model: Path, folder: Path, in_process: float) -> list[Figure]:
    """Both servers, one after the other, as each may have all cores."""
    port = free_port()
    with load.plain(model, port):
        load.ask(port, "/detect", strangers(2, 9 * _SEEN_LATER), 1)
        plain_many = load.ask(port, "/detect", strangers(FEW), CLIENTS)
        plain_one = load.ask(port, "/detect", strangers(SINGLE, _SEEN_LATER), 1)
    port = free_port()
    with load.service(model, port, folder / "state"):
        return _service(port, plain_many, plain_one, in_process)


def _service(port: int, plain_many: Load, plain_one: Load, in_process: float) -> list[Figure]:
    path, never = "/v1/detect", {"rationale": "never"}
    load.ask(port, path, strangers(CLIENTS, 9 * _SEEN_LATER), CLIENTS, **never)
    many = load.ask(port, path, strangers(MANY), CLIENTS, **never)
    one = load.ask(port, path, strangers(SINGLE, _SEEN_LATER), 1, **never)
    reasoned = load.ask(port, path, strangers(FEW, 2 * _SEEN_LATER), CLIENTS, rationale="always")
    again = load.ask(port, path, strangers(MANY), 1, **never)
    kin = load.ask(port, path, uploads(FEW, 3 * _SEEN_LATER), CLIENTS, **never)
    share = 100 * many.rate / in_process
    return [
        Figure(
            "end to end, 16 clients, against the plain server", many.rate / plain_many.rate, "x"
        ),
        Figure("end to end, against Detector.detect on full batches", share, "%", at_least=85),
        Figure("  end to end, 16 clients", many.rate, "images/s"),
        Figure("  end to end, 16 clients, with reasons", reasoned.rate, "images/s"),
        Figure("  end to end, 16 clients, near-duplicates of one another", kin.rate, "images/s"),
        Figure("  plain server, 16 clients", plain_many.rate, "images/s"),
        Figure("  Detector.detect on full batches", in_process, "images/s"),
        *_stages("16 clients", many),
        Figure(
            "p95 at one client, against the plain server's",
            milliseconds(one, 95) / milliseconds(plain_one, 95),
            "x",
            at_most=1 / 3,
        ),
        Figure("  p95 at one client", milliseconds(one, 95), "ms"),
        Figure("  p95 at one client, plain server", milliseconds(plain_one, 95), "ms"),
        *_stages("one client", one),
        Figure("a pixel-equal repeat, median", milliseconds(again, 50), "ms", at_most=10),
        Figure("  a pixel-equal repeat, p95", milliseconds(again, 95), "ms"),
    ]


def _stages(of: str, measured: Load) -> list[Figure]:
    """Where the time of an answer goes, by its own account; what is left is HTTP and storing."""
    timings = [one.found("timings") for one in measured.answers]
    medians = {
        stage: statistics.median(timing.get(stage, 0.0) for timing in timings)
        for stage in timings[0]
    }
    named = [Figure(f"  {of}: {stage}", value, "ms") for stage, value in medians.items()]
    rest = milliseconds(measured, 50) - sum(medians.values())
    return [*named, Figure(f"  {of}: all else", rest, "ms")]


def _machine() -> list[Figure]:
    return [Figure("processes that wanted a core, last minute", os.getloadavg()[0], "")]


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server((load.HOST, 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(report(measure))
