"""What is kept of one decision, for appeals and statements of reasons."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter, ValidationError

from assay import images
from assay.calibration import Calibration
from assay.errors import UnreadableCase
from assay.fusion import Fusion
from assay.records import Finding, Hypothesis, Label, Measurement, Region, Verdict

FORMAT = 1


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Which image it is about, whether or not it is enclosed."""

    sha256: str
    size: int | None
    """Bytes; None where the image was not kept."""
    format: str
    width: int
    height: int

    @classmethod
    def of(cls, data: bytes) -> ImageFacts:
        """The facts of an image's original bytes; raises as `assay.images.decode`."""
        photo = images.decode(data)
        return cls(hashlib.sha256(data).hexdigest(), len(data), photo.format, *photo.size)


@dataclass(frozen=True, slots=True)
class KeptFinding:
    """A `assay.records.Finding` without its heatmap."""

    id: str
    title: str
    sentence: str
    suggests: Hypothesis
    value: float | None
    null_rate: float | None
    not_applicable: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    regions: tuple[Region, ...] = ()
    surprise: float = 0.0

    @classmethod
    def of(cls, finding: Finding) -> KeptFinding:
        """What is kept of ``finding``."""
        measured = finding.measurement
        return cls(
            measured.id,
            finding.title,
            finding.sentence,
            finding.suggests,
            measured.value,
            finding.null_rate,
            measured.not_applicable,
            measured.facts,
            measured.regions,
            finding.surprise,
        )

    @property
    def finding(self) -> Finding:
        """The finding again."""
        measured = Measurement(
            self.id, self.value, self.regions, None, self.not_applicable, (), self.facts
        )
        told = self.sentence, self.title, self.suggests
        return Finding(measured, self.null_rate, *told, self.surprise)


@dataclass(frozen=True, slots=True)
class KeptVerdict:
    """What was answered."""

    label: Label
    score: float
    probabilities: dict[Label, float]
    needs_review: bool
    log_odds: float | None
    """Before calibration; None where none were known."""
    rationale: str


@dataclass(frozen=True, slots=True)
class SeenBefore:
    """A fact-check in which the picture was seen: context, no ground of the verdict."""

    fact_check_url: str
    title: str
    review_date: str
    average_distance: int
    """Bits of 64 between the average hashes."""
    phash_distance: int
    """Bits of 64 between the phashes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a decision's history, in the order in which they happened."""

    at: str
    """ISO 8601, with its offset."""
    by: str
    """A role or pseudonym: a case file goes to people outside."""
    what: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One decision."""

    id: str
    at: str
    """When it was answered, ISO 8601."""
    image: ImageFacts
    verdict: KeptVerdict
    findings: tuple[KeptFinding, ...]
    versions: dict[str, str]
    """Of whatever took part: model, code, serving plan."""
    history: tuple[Step, ...] = ()
    stratum: str = ""
    """Of the image (`assay.strata`), whose threshold applied."""
    fusion: Fusion | None = None
    calibration: Calibration | None = None
    """What turned findings into probabilities; without it nothing can be derived again."""
    logits: tuple[float, float, float] | None = field(default=None)
    """Of the classes before calibration, where the model's own word was heard."""
    known_images: tuple[SeenBefore, ...] = ()

    @classmethod
    def of(
        cls, case_id: str, at: str, image: bytes, verdict: Verdict, versions: Mapping[str, str],
        **others: Any,
    ) -> Case:  # fmt: skip
        """The case of ``verdict`` about ``image``; ``others`` are fields of this class."""
        finite = verdict.log_odds if verdict.log_odds == verdict.log_odds else None
        kept = KeptVerdict(
            verdict.label,
            verdict.score,
            verdict.probabilities,
            verdict.needs_review,
            finite,
            verdict.rationale,
        )
        findings = tuple(KeptFinding.of(finding) for finding in verdict.findings)
        facts = {"model": verdict.model_version, **versions}
        return cls(case_id, at, ImageFacts.of(image), kept, findings, facts, **others)

    def as_json(self) -> bytes:
        """One canonical text: sorted keys, so that the same case has the same bytes."""
        stored = {"format": FORMAT, **TypeAdapter(Case).dump_python(self, mode="json")}
        text = json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()

    @classmethod
    def from_json(cls, data: bytes) -> Case:
        """Read what `as_json` wrote; raises `UnreadableCase` when it is something else."""
        try:
            stored = json.loads(data)
            if stored.pop("format", None) != FORMAT:
                raise ValueError("another format")
            return TypeAdapter(cls).validate_python(stored)
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            reason = "wrong fields" if isinstance(error, ValidationError) else str(error)
            raise UnreadableCase(
                f"case.json is no case of format {FORMAT} ({reason}); "
                "verify it with the version of Assay that wrote it"
            ) from error
