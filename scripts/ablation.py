"""What image, evidence and adapter add to each other: one trained model with a part taken away.

    .venv/bin/python scripts/ablation.py [MODEL] [DATASET]

MODEL is a folder or a registered version (the champion), DATASET a name as in `python -m assay
datasets` (the newest); its test split is asked about, bias controlled. The image is taken away by a
grey one of its size, the evidence by a ledger in which nothing was applicable.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import (
    catalogue,
    home,
    ledger,
    measuring,
    model_loading,
    model_registry,
    models,
    teachers,
)
from assay.asking import verdict_logits
from assay.dataset import Dataset
from assay.detector import Detector
from assay.evidence import Role
from assay.examination import examined_photos, in_batches
from assay.fusion import Floats, Fusion, log_odds
from assay.images import Variant, photo_of
from assay.metrics import Bootstrap, measure
from assay.model_folder import read_facts
from assay.predictions import positive
from assay.records import Finding, Label, Photo, Sample, Split

GREY = 128
SEEN = {"image and evidence": (True, True), "image": (True, False), "evidence": (False, True)}
"""Whether the model sees the image, and whether it is told of the findings."""


class Answers(NamedTuple):
    """About the images of a test split, ``[n]`` each."""

    labels: list[Label]
    groups: list[str]
    odds: dict[str, list[Floats]]
    """Log-odds of not authentic by who was asked, a batch each."""


def main() -> int:
    """Print the table as Markdown; returns the exit status."""
    home.prepare_environment()
    names = dict(enumerate(sys.argv[1:]))
    folder = _model(names.get(0, "champion"))
    dataset = catalogue.resolve(names.get(1, "latest"), home.folder("datasets"))
    answers = _ask(folder, dataset)
    lines = [f"| asked, of {len(answers.labels):,} images | AUC, bias controlled |", "|---|---|"]
    lines += [f"| {n} | {_auc(answers, np.concatenate(of))} |" for n, of in answers.odds.items()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


def _model(name: str) -> Path:
    return Path(name) if Path(name).is_dir() else model_registry.fetch(name)


def _ask(folder: Path, dataset: Dataset) -> Answers:
    detector = Detector.load(folder)
    family = models.family(read_facts(folder)["family"])
    processor = family.load_processor(folder / "base")
    judges = {
        "with adapter": model_loading.load(folder),
        "base alone": family.load_model(folder / "base").train(False),
    }
    answers = Answers([], [], {})
    for samples, photos, found in _examined(detector, dataset):
        answers.labels.extend(sample.label for sample in samples)
        answers.groups.extend(sample.group for sample in samples)
        fused = Fusion().logits(np.zeros((len(photos), 3)), ledger.surprises_of(found))
        answers.odds.setdefault("findings alone, fused", []).append(log_odds(fused))
        for judge, model in judges.items():
            for what, (image, told) in SEEN.items():
                pixels, rows = _questions(processor, photos, found, image, told)
                logits = verdict_logits(model, processor, pixels, rows).astype(np.float64)
                answers.odds.setdefault(f"{judge}: {what}", []).append(log_odds(logits))
        sys.stderr.write(f"{len(answers.labels)} images asked about\n")
    return answers


def _examined(
    detector: Detector, dataset: Dataset
) -> Iterator[tuple[Sequence[Sample], Sequence[Photo], list[tuple[Finding, ...]]]]:
    """Images that the model was not fitted on, with their findings, a batch at a time."""
    samples = (s for s in dataset.samples(Split.TEST) if not detector.has_seen(s.group))
    make = partial(photo_of, kind=Variant.BIAS_CONTROLLED)
    for batch in in_batches(examined_photos(make, samples)):
        photos = [photo for _, photo in batch]
        found = [
            ledger.findings(measuring.measure(photo), detector.preparer.null_rates)
            for photo in photos
        ]
        yield [sample for sample, _ in batch], photos, found


def _questions(
    processor: models.Processor,
    photos: Sequence[Photo],
    found: Sequence[Sequence[Finding]],
    image: bool,
    told: bool,
) -> tuple[list[np.ndarray], list[list[int]]]:
    pixels = [processor.resize(photo.pixels) for photo in photos]
    pixels = pixels if image else [np.full_like(one, GREY) for one in pixels]
    rows = []
    for one, findings in zip(pixels, found, strict=True):
        given = ledger.in_role(findings, Role.FUSED)
        given = given if told else tuple(replace(finding, null_rate=None) for finding in given)
        size = one.shape[1], one.shape[0]
        rows.append(processor.prompt_ids(size, teachers.question(given)))
    return pixels, rows


def _auc(answers: Answers, odds: Floats) -> str:
    import pandas as pd

    edited = positive(pd.Series([label.value for label in answers.labels]))
    found = measure(odds, edited, np.array(answers.groups), 0.0, Bootstrap(500, 0), ["auc"])["auc"]
    return f"{found.value:.3f} ({found.low:.3f}-{found.high:.3f})" if found else "-"


if __name__ == "__main__":
    sys.exit(main())
