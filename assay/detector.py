"""The only inference code: pipelines, the service and the benchmarks all answer through it.

Photos become questions (`assay.questions`), which may happen in another process; here they are
answered, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import numpy as np

from assay import grounding, ledger, model_loading
from assay.asking import Answered, Backend, LoadedModel
from assay.calibration import Calibration
from assay.embedding import Embedding
from assay.errors import CheckpointMismatch
from assay.evidence import Role
from assay.fingerprints import content_hash, group_digest
from assay.fusion import Fusion, log_odds
from assay.metrics import Floats
from assay.model_folder import CALIBRATION_FILE, EMBEDDING_FILE, FUSION_FILE, read_facts
from assay.policy import Policy
from assay.prefixes import Prefix
from assay.questions import Preparer, Question
from assay.records import Label, Photo, Verdict
from assay.remote_model import RemoteModel
from assay.serving_recipe import DEFAULT, ServingRecipe

T = TypeVar("T")


class Rationale(StrEnum):
    """For which images the model writes its reasons down."""

    NEVER = "never"
    FLAGGED = "flagged"
    """For those that are called other than authentic, or that a person should look at."""
    ALWAYS = "always"

    def is_wanted(self, verdict: Verdict) -> bool:
        """Whether reasons are to be written for ``verdict``."""
        if self is Rationale.FLAGGED:
            return verdict.needs_review or verdict.label is not Label.AUTHENTIC
        return self is Rationale.ALWAYS


class Detector:
    """A loaded model: photos in, verdicts out."""

    def __init__(
        self,
        backend: Backend,
        preparer: Preparer,
        fusion: Fusion | None,
        calibration: Calibration | None,
        version: str,
        seen_groups: frozenset[str],
        batch_size: int = DEFAULT.batch_size,
        embedding: Embedding | None = None,
    ) -> None:
        self.backend = backend
        self.preparer = preparer
        self.fusion = fusion
        self.calibration = calibration
        self.version = version
        self.batch_size = batch_size
        self.embedding = embedding
        self._seen_groups = seen_groups

    @classmethod
    def load(cls, path: Path, recipe: ServingRecipe = DEFAULT) -> Detector:
        """Open a model folder as ``recipe`` says, on the GPU if there is one.

        Raises `CheckpointMismatch` when a part is missing or was made for another prompt, and what
        `RemoteModel.connect` raises where a server is to answer.
        """
        facts = read_facts(path)
        preparer = Preparer.load(path, recipe)
        fusion, calibration = path / FUSION_FILE, path / CALIBRATION_FILE
        embedding = path / EMBEDDING_FILE
        return cls(
            _backend(path, preparer, recipe),
            preparer,
            Fusion.load(fusion) if fusion.exists() else None,
            Calibration.load(calibration) if calibration.exists() else None,
            facts.get("version", path.name),
            frozenset(facts["seen_groups"]),
            recipe.batch_size,
            Embedding.load(embedding) if embedding.exists() else None,
        )

    def follow(self, policy: Policy) -> None:
        """Decide as ``policy`` says from now on; a model that was never calibrated stays so."""
        if self.calibration is not None:
            self.calibration = policy.applied(self.calibration)

    def has_seen(self, group: str) -> bool:
        """Whether images of this group trained, calibrated or selected the model."""
        return group_digest(group) in self._seen_groups

    def detect(self, photos: Sequence[Photo], rationale: bool = False) -> list[Verdict]:
        """One verdict a photo, in order; with ``rationale`` the model also writes its reasons.

        Evidence is measured first and enters the question. Raises `CheckpointMismatch` for a model
        that was never calibrated.
        """
        wanted = Rationale.ALWAYS if rationale else Rationale.NEVER
        verdicts: list[Verdict] = []
        for part in self._batches(photos):
            verdicts += self.answer(self._prepared(part), wanted)
        return verdicts

    def answer(
        self,
        questions: Sequence[Question],
        rationale: Rationale | Sequence[Rationale] = Rationale.NEVER,
    ) -> list[Verdict]:
        """One verdict a question, in order; ``rationale`` is for all of them or one for each.

        Questions are answered ``batch_size`` at a time, and the reasons that are wanted are written
        in batches too. Raises `CheckpointMismatch` for a model that was never calibrated, and
        ValueError where ``rationale`` is not as long as ``questions``.
        """
        every = [rationale] * len(questions) if isinstance(rationale, Rationale) else rationale
        verdicts: list[Verdict] = []
        for part in self._batches(list(zip(questions, every, strict=True))):
            verdicts += self._answer_batch(*zip(*part, strict=True))
        return verdicts

    def logits(self, photos: Sequence[Photo]) -> Floats:
        """Uncalibrated class logits ``[n, 3]`` of model and evidence, in the order of `Label`."""
        parts = [self._fused(self._prepared(part)) for part in self._batches(photos)]
        return np.concatenate(parts) if parts else np.zeros((0, len(Label)))

    def verdict_logits(self, photos: Sequence[Photo]) -> Floats:
        """Logits ``[n, 3]`` of the verdict words alone: what the model says, before any fusion."""
        parts = [self.words(self._prepared(part)) for part in self._batches(photos)]
        return np.concatenate(parts) if parts else np.zeros((0, len(Label)))

    def words(self, questions: Sequence[Question]) -> Floats:
        """Logits ``[n, 3]`` of the verdict words after ``questions``, as one batch."""
        return self.backend.verdict_logits(questions).astype(np.float64)

    def _batches(self, items: Sequence[T]) -> list[Sequence[T]]:
        size = self.batch_size
        return [items[start : start + size] for start in range(0, len(items), size)]

    def _prepared(self, photos: Sequence[Photo]) -> list[Question]:
        return [self.preparer.prepare(photo) for photo in photos]

    def _fused(self, questions: Sequence[Question]) -> Floats:
        """Class logits; the model is asked only where its word counts."""
        return self._fuse(questions, self.words(questions) if self._is_heard else None)

    @property
    def _is_heard(self) -> bool:
        """Whether the model's own word counts."""
        return self.fusion is None or self.fusion.hears_the_model

    def _fuse(self, questions: Sequence[Question], said: Floats | None) -> Floats:
        """Class logits from what the model ``said`` ``[n, 3]``, if it was asked, and evidence."""
        if self.fusion is None and said is not None:
            return said
        assert self.fusion is not None  # noqa: S101 (without one the model is asked)
        silent = np.zeros((len(questions), len(Label)))
        evidence = [question.findings for question in questions]
        return self.fusion.logits(silent if said is None else said, ledger.surprises_of(evidence))

    def _answer_batch(
        self, questions: Sequence[Question], wanted: Sequence[Rationale]
    ) -> list[Verdict]:
        is_read = self._is_heard and set(wanted) != {Rationale.NEVER}
        reading = self.backend.read(questions) if is_read else None
        said = reading.verdict_logits.astype(np.float64) if reading else None
        fused = self._fused(questions) if said is None else self._fuse(questions, said)
        verdicts = self._verdicts(questions, fused)
        chosen = [n for n, verdict in enumerate(verdicts) if wanted[n].is_wanted(verdict)]
        for n, text in self._texts(questions, verdicts, chosen, reading):
            verdicts[n] = _explained(verdicts[n], text)
        return verdicts

    def _texts(
        self,
        questions: Sequence[Question],
        verdicts: Sequence[Verdict],
        chosen: Sequence[int],
        reading: Answered | None,
    ) -> Iterator[tuple[int, str]]:
        """Reasons for the ``chosen`` ones, with their numbers.

        Where all questions were read for the verdicts, writing goes on from there, for all of them:
        a step costs about the same for a few.
        """
        if not chosen:
            return
        if reading is not None:
            written = reading.rationales([verdict.label for verdict in verdicts])
            yield from ((n, written[n]) for n in chosen)
            return
        reading = self.backend.read([questions[n] for n in chosen])
        yield from zip(chosen, reading.rationales([verdicts[n].label for n in chosen]), strict=True)

    def _verdicts(self, questions: Sequence[Question], logits: Floats) -> list[Verdict]:
        """Verdicts without reasons from class logits ``[n, 3]``."""
        if self.calibration is None:
            raise CheckpointMismatch(f"model {self.version} was not calibrated: train it again")
        rows = zip(questions, self.calibration.probabilities(logits), log_odds(logits), strict=True)
        made = [self._verdict(self.calibration, q, row, float(odds)) for q, row, odds in rows]
        seen = zip(made, self._embedded(questions), strict=True)
        return [replace(verdict, embedding=columns) for verdict, columns in seen]

    def _embedded(self, questions: Sequence[Question]) -> list[tuple[float, ...]]:
        """Columns of what the model sees, for who compares traffic; empty where there are none."""
        if self.embedding is None:
            return [()] * len(questions)
        return self.embedding.columns(self.backend.features([one.pixels for one in questions]))

    def _verdict(
        self, calibration: Calibration, question: Question, row: Floats, odds: float
    ) -> Verdict:
        """The verdict from class probabilities ``row`` ``[3]``, without reasons."""
        score = float(1 - row[0])
        return Verdict(
            label=calibration.label(row, question.stratum),
            score=score,
            probabilities=dict(zip(Label, map(float, row), strict=True)),
            needs_review=self._lacks_evidence(question) or calibration.needs_review(score),
            log_odds=odds,
            findings=question.findings,
            model_version=self.version,
        )

    def _lacks_evidence(self, question: Question) -> bool:
        """Nothing could be measured and nobody else was asked: that is no verdict."""
        return not self._is_heard and not ledger.is_evidence(question.findings)


def _explained(verdict: Verdict, text: str) -> Verdict:
    """``verdict`` with the claims of ``text`` that its findings bear out; all are counted."""
    fused = ledger.in_role(verdict.findings, Role.FUSED)
    report = grounding.check(text, fused, verdict.label)
    return replace(
        verdict,
        rationale=report.text,
        claims=len(report.claims),
        grounded_claims=len(report.grounded),
    )


def _backend(path: Path, preparer: Preparer, recipe: ServingRecipe) -> Backend:
    if recipe.remote:
        return RemoteModel.connect(content_hash(path), preparer.processor)
    model = model_loading.load(path, recipe)
    prefix = Prefix(model, preparer.processor) if recipe.caches_prefix else None
    return LoadedModel(model, preparer.processor, prefix)
