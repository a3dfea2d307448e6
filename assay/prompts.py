"""The one question that is asked about an image, and the one form of the answer.

Training, serving and benchmarks all call these functions, so a model is never asked in words it was
not trained on. An answer begins with one of three verdict words whose first tokens differ; the
verdict's probabilities are read off those tokens, never off keywords in the text that follows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from assay import places
from assay.errors import UnparseableAnswer
from assay.records import Finding, Label

PROMPT_VERSION = "3"
"""Stored with every model; a model trained on another version is refused."""

QUESTION = "Is this image manipulated or synthesized?"

VERDICT_WORDS = {
    Label.AUTHENTIC: "Authentic",
    Label.MANIPULATED: "Manipulated",
    Label.SYNTHESIZED: "Synthesized",
}

_RATE_EDGES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_RATE_WORDS = ("under 1%", "1-2%", "2-5%", "5-10%", "10-20%", "20-50%", "over 50%")
_LEVELS = ("extreme", "severe", "strong", "marked", "raised", "ordinary", "low")
"""The same buckets as one word each: tokenizers split digits, which makes them hard to learn."""
_UNUSUAL = 0.1
"""A finding that fewer authentic images show is worth naming: the first four of the levels."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model says about an image: the verdict and its reasons (may be empty)."""

    label: Label
    rationale: str = ""


def question(findings: Sequence[Finding], hints: str) -> str:
    """The user turn: the question, a teacher's ``hints``, then one line for each finding."""
    return "\n".join([QUESTION, hints, "Measured evidence:", *map(_evidence_line, findings)])


def is_unusual(finding: Finding) -> bool:
    """Whether few authentic images measure as high, so that it may point to something."""
    return finding.null_rate is not None and finding.null_rate < _UNUSUAL


def rarity(null_rate: float) -> str:
    """A null rate as a reader and a model are told it: "strong (2-5% of authentic images)"."""
    return f"{level(null_rate)} ({rate_words(null_rate)} of authentic images)"


def rate_words(null_rate: float) -> str:
    """A null rate as one of seven fixed phrases; exact digits would only be memorised."""
    return _RATE_WORDS[bisect_right(_RATE_EDGES, null_rate)]


def level(null_rate: float) -> str:
    """A null rate as one of seven words, from "low" (most authentic images) to "extreme"."""
    return _LEVELS[bisect_right(_RATE_EDGES, null_rate)]


def citation(name: str, rarity: str, place: str) -> str:
    """A finding as the ledger tells and a rationale cites it: in the same words, to be copied."""
    return f"{name} is {rarity}" + (f" in the {place}" if place else "")


def render(answer: Answer) -> str:
    """The assistant turn: verdict word, full stop, rationale."""
    return f"{VERDICT_WORDS[answer.label]}. {answer.rationale}".rstrip(" ")


def parse(text: str) -> Answer:
    """Invert `render`; raises `UnparseableAnswer` unless ``text`` begins with a verdict word."""
    for label, word in VERDICT_WORDS.items():
        if text == f"{word}." or text.startswith(f"{word}. "):
            return Answer(label, text[len(word) + 2 :])
    words = ", ".join(VERDICT_WORDS.values())
    raise UnparseableAnswer(f"an answer begins with one of {words}; this one with {text[:40]!r}")


def _evidence_line(finding: Finding) -> str:
    """Range and place only where they may be cited; of what is not unusual the level says all."""
    name, rate = finding.measurement.id, finding.null_rate
    if rate is None:
        return f"- {name} is not applicable"
    if not is_unusual(finding):
        return f"- {name} is {level(rate)}"
    return f"- {citation(name, rarity(rate), places.where(finding.measurement))}"
