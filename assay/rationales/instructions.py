"""What a teacher is told and asked; the version is part of every kept answer's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assay import images, places, prompts
from assay.rationales.answers import GENERATED, NONE, OTHER, TYPES, Hints, Reason, schema
from assay.records import Finding, Hypothesis, Label, Mask, Pixels
from assay.teachers.asked import Request

PROMPT_VERSION = "1"
"""Raised with every change of these words: answers to other questions are not taken."""

MOST_WORDS = 100

_REASON = f"""\
You explain to a moderator why an image has the label that it has. The label is true.
Answer with one JSON object and nothing else:
{{"verdict": the label, "type": what was done ({", ".join(TYPES)}; {NONE} for authentic images, \
{GENERATED} for synthesized ones, {OTHER} where no name fits), "areas": where, from this list: \
{", ".join(places.PLACES)}; an empty list for authentic images, "findings": names of the measured \
findings that speak for the label, "content": what the image shows, in a sentence, \
"inconsistencies": what in it does not fit, and why; for authentic images what does fit}}
Content and inconsistencies together have at most {MOST_WORDS} words. Name only parts of the image \
that are given as altered, only findings that are listed as measured, and no other verdict, not \
even to deny it. Speak of this image: no sentence that would fit any other."""

_HINTS = f"""\
Say which kinds of wrong information this image might contain, before anyone judges it.
Answer with one JSON object and nothing else:
{{"kinds": any of {", ".join(Hypothesis)}; an empty list where nothing points to one, \
"why": what to look at, in at most {MOST_WORDS} words}}"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of an image, and what a teacher is shown of it."""

    image_id: str
    pixels: Pixels
    label: Label
    manipulation: str
    """One of `ACTIONS`, or another name or none where that is unknown."""
    mask: Mask | None
    findings: tuple[Finding, ...]
    """Those that the model is told of."""


def reason(case: Case, side: int, hints: str = "", fault: str = "") -> Request:
    """Ask why the image has its label; ``fault`` is what was wrong with the last answer."""
    told = [
        f"Label: {case.label}",
        f"Done to it: {case.manipulation or 'unknown'}" if _is_edited(case) else "",
        f"Altered part: {_region(case)}" if _is_edited(case) else "",
        _evidence(case.findings),
        f"Seen at first sight: {hints}" if hints else "",
        f"Your last answer was rejected: {fault}. Answer anew." if fault else "",
    ]
    return Request(_REASON, "\n".join(filter(None, told)), _jpeg(case.pixels, side), schema(Reason))


def hints(case: Case, side: int) -> Request:
    """Ask what may be wrong; the label is not told."""
    return Request(_HINTS, _evidence(case.findings), _jpeg(case.pixels, side), schema(Hints))


def _is_edited(case: Case) -> bool:
    return case.label is Label.MANIPULATED


def _region(case: Case) -> str:
    """Every part that the mask mostly covers."""
    if case.mask is None:
        return "unknown"
    named = [place for place in places.PLACES if places.lies_in(case.mask, place)]
    return ", ".join(named) or "unknown"


def _evidence(findings: Sequence[Finding]) -> str:
    lines = [f"- {_line(found)}" for found in findings if found.null_rate is not None]
    return "\n".join(["Measured findings:", *(lines or ["- none"])])


def _line(finding: Finding) -> str:
    name, where = finding.measurement.id, places.where(finding.measurement)
    said = prompts.citation(name, prompts.rarity(finding.null_rate or 0.0), where)
    return f"{said}: {finding.title}, would speak for {finding.suggests}"


def _jpeg(pixels: Pixels, side: int) -> bytes:
    import numpy as np
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return images.encode_jpeg(np.asarray(image), 90)
