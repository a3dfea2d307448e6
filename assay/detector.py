"""The only inference code: pipelines, the service and the benchmarks all answer through it.

A model folder holds ``assay_model.json``, ``base/`` and ``adapter/`` (safetensors), the
``null_rates.json`` of its evidence and, once calibrated, ``fusion.json`` and ``calibration.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay import grounding, ledger, measuring, models, prompts, teachers
from assay.calibration import Calibration
from assay.errors import CheckpointMismatch
from assay.evidence import Role
from assay.fingerprints import group_digest
from assay.fusion import Fusion, log_odds
from assay.metrics import Floats
from assay.null_rates import NullRates
from assay.records import Finding, Label, Photo, Pixels, Verdict
from assay.strata import stratum

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

MODEL_FILE = "assay_model.json"
"""The description at the top of a model folder."""
NULL_RATES_FILE = "null_rates.json"
CALIBRATION_FILE = "calibration.json"
FUSION_FILE = "fusion.json"

BATCH_SIZE = 16
_MAX_NEW_TOKENS = 96


class Detector:
    """A loaded model: photos in, verdicts out."""

    def __init__(
        self,
        model: PreTrainedModel,
        processor: models.Processor,
        null_rates: NullRates,
        fusion: Fusion | None,
        calibration: Calibration | None,
        version: str,
        seen_groups: frozenset[str],
    ) -> None:
        self.model = model
        self._processor = processor
        processor.verdict_ids()  # refuses a tokenizer that cannot tell the verdicts apart
        self.null_rates = null_rates
        self.fusion = fusion
        self.calibration = calibration
        self.version = version
        self._seen_groups = seen_groups

    @classmethod
    def load(cls, path: Path) -> Detector:
        """Open a model folder on the GPU if there is one.

        Raises `CheckpointMismatch` when a part is missing or was made for another prompt.
        """
        import torch

        facts = read_facts(path)
        family = models.family(facts["family"])
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = _with_adapter(family.load_model(path / "base"), path / "adapter")
        model.train(False).to(device)
        fusion, calibration = path / FUSION_FILE, path / CALIBRATION_FILE
        return cls(
            model,
            family.load_processor(path / "base"),
            NullRates.load(path / NULL_RATES_FILE),
            Fusion.load(fusion) if fusion.exists() else None,
            Calibration.load(calibration) if calibration.exists() else None,
            facts.get("version", path.name),
            frozenset(facts["seen_groups"]),
        )

    def has_seen(self, group: str) -> bool:
        """Whether images of this group trained, calibrated or selected the model."""
        return group_digest(group) in self._seen_groups

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        """One verdict a photo, in order; with ``rationale`` the model also writes its reasons.

        Evidence is measured first and enters the question. Raises `CheckpointMismatch` for a model
        that was never calibrated.
        """
        verdicts: list[Verdict] = []
        for part in _batches(photos):
            verdicts += self._detect_batch(part, rationale)
        return verdicts

    def logits(self, photos: Sequence[Photo]) -> Floats:
        """Uncalibrated class logits ``[n, 3]`` of model and evidence, in the order of `Label`."""
        parts = [self._fused(*self._questions(part)) for part in _batches(photos)]
        return np.concatenate(parts) if parts else np.zeros((0, len(Label)))

    def verdict_logits(self, photos: Sequence[Photo]) -> Floats:
        """Logits ``[n, 3]`` of the verdict words alone: what the model says, before any fusion."""
        parts = [self._asked(*self._questions(part)[:2]) for part in _batches(photos)]
        return np.concatenate(parts) if parts else np.zeros((0, len(Label)))

    def _asked(self, pixels: Sequence[Pixels], rows: Sequence[list[int]]) -> Floats:
        """Logits of the verdict words."""
        return verdict_logits(self.model, self._processor, pixels, rows).astype(np.float64)

    def _fused(
        self,
        pixels: Sequence[Pixels],
        rows: Sequence[list[int]],
        evidence: Sequence[Sequence[Finding]],
    ) -> Floats:
        """Class logits; the model is asked only where its word counts."""
        if self.fusion is None:
            return self._asked(pixels, rows)
        is_heard = self.fusion.hears_the_model
        verdicts = self._asked(pixels, rows) if is_heard else np.zeros((len(rows), len(Label)))
        return self.fusion.logits(verdicts, ledger.surprises_of(evidence))

    def _detect_batch(self, photos: Sequence[Photo], rationale: bool) -> list[Verdict]:
        if self.calibration is None:
            raise CheckpointMismatch(f"model {self.version} was not calibrated: train it again")
        pixels, rows, evidence = self._questions(photos)
        logits = self._fused(pixels, rows, evidence)
        probabilities = self.calibration.probabilities(logits)
        labels = [
            self.calibration.label(row, stratum(photo))
            for row, photo in zip(probabilities, photos, strict=True)
        ]
        asked = self.model, self._processor, pixels, rows
        reasons = rationales(*asked, labels) if rationale else [""] * len(photos)
        # Measured before anything is dropped; people see what is left.
        reports = [
            grounding.check(text, ledger.in_role(found, Role.FUSED), label)
            for text, found, label in zip(reasons, evidence, labels, strict=True)
        ]
        return [
            Verdict(
                label=label,
                score=float(1 - row[0]),
                probabilities=dict(zip(Label, map(float, row), strict=True)),
                needs_review=self._needs_review(float(1 - row[0]), found),
                log_odds=float(odds),
                findings=found,
                rationale=report.text,
                model_version=self.version,
                claims=len(report.claims),
                grounded_claims=len(report.grounded),
            )
            for label, row, odds, found, report in zip(
                labels, probabilities, log_odds(logits), evidence, reports, strict=True
            )
        ]

    def _needs_review(self, score: float, findings: Sequence[Finding]) -> bool:
        """Also where nothing could be measured and nobody else was asked: that is no verdict."""
        is_heard = self.fusion is None or self.fusion.hears_the_model
        if not is_heard and not ledger.is_evidence(findings):
            return True
        return self.calibration is None or self.calibration.needs_review(score)

    def _questions(
        self, photos: Sequence[Photo]
    ) -> tuple[list[Pixels], list[list[int]], list[tuple[Finding, ...]]]:
        evidence = [ledger.findings(measuring.measure(p), self.null_rates) for p in photos]
        pixels = [self._processor.resize(photo.pixels) for photo in photos]
        ids = [
            self._processor.prompt_ids(
                (image.shape[1], image.shape[0]),
                teachers.question(ledger.in_role(found, Role.FUSED)),
            )
            for image, found in zip(pixels, evidence, strict=True)
        ]
        return pixels, ids, evidence


def _batches(photos: Sequence[Photo]) -> list[Sequence[Photo]]:
    return [photos[start : start + BATCH_SIZE] for start in range(0, len(photos), BATCH_SIZE)]


def verdict_logits(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
) -> npt.NDArray[np.float32]:
    """Logits ``[n, 3]`` of the verdict words' first tokens after the questions ``rows``.

    One prefill; ``pixels`` are resized and ``rows`` hold token ids, an image each. The model is
    taken in the mode that it is in: evaluation, unless dropout is wanted.
    """
    import torch

    with torch.inference_mode():
        logits = model(**_batch(model, processor, pixels, rows), logits_to_keep=1, use_cache=False)
    verdicts = logits.logits[:, -1, processor.verdict_ids()].float().cpu().numpy()
    return np.asarray(verdicts, dtype=np.float32)


def rationales(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
    labels: Sequence[Label],
) -> list[str]:
    """The reasons that ``model`` writes after verdicts that were already decided, one an image."""
    import torch

    openings = [prompts.render(prompts.Answer(label)) for label in labels]
    begun = [
        [*row, *processor.answer_ids(opening)[:-1]]
        for row, opening in zip(rows, openings, strict=True)
    ]
    batch = _batch(model, processor, pixels, begun)
    with torch.inference_mode():
        output: Any = model.generate(  # type: ignore[operator]
            **batch, max_new_tokens=_MAX_NEW_TOKENS, do_sample=False
        )
    width = batch["input_ids"].shape[1]
    return [processor.decode(row[width:].tolist()).strip() for row in output]


def _batch(
    model: PreTrainedModel,
    processor: models.Processor,
    pixels: Sequence[Pixels],
    rows: Sequence[list[int]],
) -> dict[str, Tensor]:
    batch = processor.collate(pixels, rows)
    return {name: tensor.to(model.device) for name, tensor in batch.items()}


def read_facts(path: Path) -> dict[str, Any]:
    """The description of a model folder; raises `CheckpointMismatch` when it does not fit."""
    try:
        facts: dict[str, Any] = json.loads((path / MODEL_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointMismatch(f"{path} is not a model folder: {error}") from error
    if missing := {"family", "prompt_version", "seen_groups"} - facts.keys():
        raise CheckpointMismatch(f"{path / MODEL_FILE} lacks {', '.join(sorted(missing))}")
    if facts.get("prompt_version") != prompts.PROMPT_VERSION:
        raise CheckpointMismatch(
            f"{path} was trained on prompt version {facts.get('prompt_version')!r}, this is "
            f"{prompts.PROMPT_VERSION!r}: train it again"
        )
    return facts


def _with_adapter(base: PreTrainedModel, adapter: Path) -> PreTrainedModel:
    """Merge the adapter into the base: the same function, without its extra products."""
    from peft import PeftModel
    from safetensors import SafetensorError

    if not (adapter / "adapter_model.safetensors").is_file():  # peft would take a pickle instead
        raise CheckpointMismatch(f"{adapter} holds no adapter_model.safetensors: train it again")
    try:
        merged: PreTrainedModel = PeftModel.from_pretrained(base, adapter).merge_and_unload()
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointMismatch(f"{adapter} does not fit its base: {error}") from error
    return merged
