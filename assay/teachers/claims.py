"""The claims that reasons are made of: written here, and read back from what a model wrote.

A sentence says whether its claims, parted by semicolons, were measured or inferred from that:
"Measured: noise_inconsistency is strong (2-5% of authentic images) in the lower left part.
Inferred: the lower left part was pasted in from another photograph."
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum
from itertools import groupby

from assay.places import PLACES
from assay.prompts import citation, is_unusual
from assay.records import Finding, Hypothesis

MEASURED, INFERRED = "Measured", "Inferred"
UNMEASURED = "Inferred from the picture alone"

ACTIONS = {
    "splice": ("was pasted in from another photograph", Hypothesis.PASTED),
    "copy_move": ("was copied from elsewhere in the image", Hypothesis.COPIED),
    "inpaint": ("was painted over", Hypothesis.EDITED),
    "retouch": ("was retouched", Hypothesis.EDITED),
    "text_overlay": ("carries text that was added", Hypothesis.EDITED),
    "colour_filter": ("was recoloured", Hypothesis.EDITED),
}
"""What was done to a manipulated image and what it takes to say so, by manipulation."""
ALTERED = ("was altered", Hypothesis.EDITED)
"""The same where no more can be said."""
GENERATED = ("was produced by a generator", Hypothesis.GENERATED)
"""The same for a synthesized image."""
_HYPOTHESES = dict([*ACTIONS.values(), ALTERED, GENERATED])


class Subject(StrEnum):
    """What something was done to where no place is named."""

    PART = "a part"
    IMAGE = "the image"


class Doubt(StrEnum):
    """What is said instead of a place."""

    NONE = ""
    ELSEWHERE = ", perhaps elsewhere"
    """Evidence points somewhere, and that need not be where it was done."""
    UNKNOWN = ", but where could not be measured"


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding is as rare as ``rarity`` says (`prompts.rarity`), and points at ``place`` or ""."""

    id: str
    rarity: str
    place: str = ""

    heading = MEASURED

    def __str__(self) -> str:
        return citation(self.id, self.rarity, self.place)


@dataclass(frozen=True, slots=True)
class Inferred:
    """Something was done to a `Subject`, or at a place of `PLACES`, as one of `ACTIONS` says."""

    subject: str
    action: str
    doubt: Doubt = Doubt.NONE

    heading = INFERRED

    @property
    def place(self) -> str:
        """One of `PLACES`, or "" where none is named."""
        return self.subject if self.subject in PLACES else ""

    @property
    def hypothesis(self) -> Hypothesis:
        """What the evidence has to speak for."""
        return _HYPOTHESES[self.action]

    def __str__(self) -> str:
        return f"{'the ' if self.place else ''}{self.subject} {self.action}{self.doubt}"


class Statement(Enum):
    """What can be said of the findings as a whole."""

    NOTHING_MEASURED = "nothing could be measured"
    NOTHING_UNUSUAL = "nothing unusual for an authentic image"
    UNREMARKABLE = "nothing points to an edit or a generator"
    WITHIN = "within what authentic images show"
    NO_EDIT = "no measurement shows an edit"
    NO_GENERATOR = "no measurement shows a generator"

    @property
    def heading(self) -> str:
        """How a sentence with it begins."""
        return _HEADINGS[self]

    def __str__(self) -> str:
        return self.value


_HEADINGS = {
    Statement.NOTHING_MEASURED: MEASURED,
    Statement.NOTHING_UNUSUAL: MEASURED,
    Statement.UNREMARKABLE: INFERRED,
    Statement.WITHIN: INFERRED,
    Statement.NO_EDIT: UNMEASURED,
    Statement.NO_GENERATOR: UNMEASURED,
}
_STATEMENTS = {str(statement): statement for statement in Statement}

Claim = Measured | Inferred | Statement


def supports(finding: Finding, hypothesis: Hypothesis) -> bool:
    """Whether ``finding`` is unusual and speaks for ``hypothesis``.

    What shows a copied or a pasted part shows an edit of whatever kind as well, not the other way.
    """
    if hypothesis is Hypothesis.EDITED:
        return is_unusual(finding) and finding.suggests is not Hypothesis.GENERATED
    return is_unusual(finding) and finding.suggests is hypothesis


_PLACE = "|".join(PLACES)
_MEASURED = re.compile(rf"(\w+) is (\w+ \([^()]+\))(?: in the ({_PLACE}))?")
_INFERRED = re.compile(
    rf"(?:the ({_PLACE})|({'|'.join(Subject)})) ({'|'.join(_HYPOTHESES)})({'|'.join(Doubt)})"
)


def write(claims: Iterable[Claim]) -> str:
    """Sentences that make ``claims``; neighbours with the same heading share one."""
    sentences = groupby(claims, lambda claim: claim.heading)
    return " ".join(f"{heading}: {'; '.join(map(str, same))}." for heading, same in sentences)


def read(text: str) -> Iterator[Claim | str]:
    """Invert `write`; what does not have its form comes as the string that it is.

    A sentence without a known heading, or that was cut short, is one such string.
    """
    for sentence in filter(None, re.split(r"(?<=\.)\s+", text.strip())):
        heading, colon, body = sentence.partition(": ")
        if not (colon and body.endswith(".") and heading in _HEADINGS.values()):
            yield sentence
            continue
        for part in body[:-1].split("; "):
            claim = _claim(part)
            yield claim if claim is not None and claim.heading == heading else part


def _claim(text: str) -> Claim | None:
    if text in _STATEMENTS:
        return _STATEMENTS[text]
    if found := _MEASURED.fullmatch(text):
        return Measured(found[1], found[2], found[3] or "")
    if found := _INFERRED.fullmatch(text):
        place, subject, action, doubt = found.groups()
        return None if place and doubt else Inferred(place or subject, action, Doubt(doubt))
    return None
