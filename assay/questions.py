"""The half of inference that needs no model: an image becomes a question about it.

Evidence is measured, resized pixels and the prompt's tokens are made ready. A process that prepares
questions loads no weights of the model; another one answers them (`assay.detector`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from assay import ledger, measuring, models, teachers
from assay.evidence import Role
from assay.model_folder import BASE_FOLDER, NULL_RATES_FILE, read_facts
from assay.null_rates import NullRates
from assay.records import Finding, Measurement, Photo, Pixels
from assay.serving_recipe import DEFAULT, ServingRecipe
from assay.strata import stratum

Measure = Callable[[Photo], tuple[Measurement, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """All that a verdict about one image needs of it; can be pickled."""

    pixels: Pixels
    """``[h, w, 3]`` at the size that the model sees."""
    prompt_ids: list[int]
    """Token ids up to where the answer begins."""
    findings: tuple[Finding, ...]
    stratum: str
    """Which kind of file it was; see `assay.strata.stratum`."""


class Preparer:
    """Makes questions for one model: with its tokenizer, its image size and its null rates."""

    def __init__(self, processor: models.Processor, null_rates: NullRates) -> None:
        processor.verdict_ids()  # refuses a tokenizer that cannot tell the verdicts apart
        self.processor = processor
        self.null_rates = null_rates

    @classmethod
    def load(cls, path: Path, recipe: ServingRecipe = DEFAULT) -> Preparer:
        """Open a model folder without its weights, for a model that is served as ``recipe`` says.

        Raises `CheckpointMismatch` when a part is missing or was made for another prompt.
        """
        family = models.family(read_facts(path)["family"])
        processor = family.load_processor(path / BASE_FOLDER, recipe)
        return cls(processor, NullRates.load(path / NULL_RATES_FILE))

    def prepare(self, photo: Photo, measure: Measure = measuring.measure) -> Question:
        """Measure ``photo`` and put what is to be fused into the question about it.

        ``measure`` may be `assay.measuring.measure_in_two`, which finds the same on two threads.
        Raises `CheckpointMismatch` for a model that knows evidence which is not measured here.
        """
        findings = ledger.findings(measure(photo), self.null_rates)
        pixels = self.processor.resize(photo.pixels)
        prompt_ids = self.processor.prompt_ids(
            (pixels.shape[1], pixels.shape[0]),
            teachers.question(ledger.in_role(findings, Role.FUSED)),
        )
        return Question(pixels, prompt_ids, findings, stratum(photo))
