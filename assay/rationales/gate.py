"""Whether a teacher's answer may be learned from: the faults that keep it out.

Structured fields are checked for what they say, free words for what they may not contain, negated
or not: an answer that is rejected for nothing costs one more question, one that is learned for
nothing costs the reader's trust.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np

from assay import grounding, places
from assay.evidence import examiners
from assay.rationales.answers import GENERATED, NONE, OTHER, Reason, read_reason
from assay.rationales.instructions import MOST_WORDS, Case
from assay.records import Label, Mask
from assay.teachers import claims
from assay.teachers.claims import ACTIONS, ALTERED
from assay.teachers.offline import claims_of


class Fault(StrEnum):
    """Why an answer is rejected."""

    UNREADABLE = "unreadable"
    """It has not the fields that were asked for."""
    TOO_LONG = "too_long"
    OUTSIDE_MASK = "outside_mask"
    """It names a part of the image where nothing was done."""
    UNKNOWN_FINDING = "unknown_finding"
    """It cites what was not measured."""
    CONTRADICTS_LABEL = "contradicts_label"
    TEMPLATE = "template"
    """It says what it has said of many other images."""
    UNGROUNDED = "ungrounded"
    """What would be learned of it is not borne out by the findings."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A fault, and the sentence in which the teacher is told of it."""

    fault: Fault
    told: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """An answer that may be learned from."""

    reason: Reason
    learned: str
    """Its claims, as `assay.grounding` reads them."""


def judge(answer: str, case: Case) -> Accepted | Rejected:
    """Read ``answer`` about ``case`` and check it; whether it is a template, `Templates` knows."""
    reason = read_reason(answer)
    if isinstance(reason, str):
        return Rejected(Fault.UNREADABLE, reason)
    for fault, check in _CHECKS.items():
        if told := check(reason, case):
            return Rejected(fault, told)
    learned = _learned(reason, case)
    report = grounding.check(learned, case.findings, case.label)
    if faults := [one.fault for one in report.claims if one.fault]:
        return Rejected(Fault.UNGROUNDED, f"what follows from it is not measured: {faults[0]}")
    return Accepted(reason, learned)


class Templates:
    """How often sentences were said, in the order in which answers were accepted."""

    def __init__(self, share: float, images: int) -> None:
        self._most = max(_FEW_ALIKE, round(share * images))
        self._said: Counter[str] = Counter()

    def refuse(self, reason: Reason) -> Rejected | None:
        """A rejection where every sentence was said too often; else they are counted."""
        said = set(map(_skeleton, _sentences(reason.prose)))
        if said and all(self._said[one] >= self._most for one in said):
            return Rejected(Fault.TEMPLATE, "you wrote the same of many images; speak of this one")
        self._said.update(said)
        return None


_FEW_ALIKE = 3
"""Images that may always share a sentence."""

_WORDS = {
    Label.AUTHENTIC: r"authentic|genuine|untouched|unaltered|unedited|unmanipulated|unmodified",
    Label.MANIPULATED: r"manipulated|doctored|tampered|photoshopped|spliced|forged",
    Label.SYNTHESIZED: r"synthesi[sz]ed|synthetic|deepfake|(?:ai|computer|machine)[- ]generated"
    r"|diffusion|gan[- ]generated|(?:generated|made) by (?:an? )?(?:ai|computer|machine|model)",
}
"""Words of each verdict, with which a text about another one contradicts its label."""
_TYPES = {
    Label.AUTHENTIC: (NONE,),
    Label.MANIPULATED: (*ACTIONS, OTHER),
    Label.SYNTHESIZED: (GENERATED, OTHER),
}
_NAME = re.compile(r"\b[a-z]+(?:_[a-z0-9]+)+\b")
"""How findings are called, and hardly any other word."""

_ROWS = {"upper": 0, "top": 0, "middle": 1, "central": 1, "lower": 2, "bottom": 2}
_COLUMNS = {"left": 0, "centre": 1, "center": 1, "middle": 1, "right": 2}
_CORNER = re.compile(rf"\b({'|'.join(_ROWS)})[ -]({'|'.join(_COLUMNS)})\b")
_SIDE = re.compile(
    rf"\b({'|'.join([*_ROWS, 'left', 'right'])})[ -]"
    r"(?:(?:hand|most)[ -])?(?:side|half|third|edge|border|part|area|region|corner)s?\b"
)


def _length(reason: Reason, _: Case) -> str:
    words = len(reason.prose.split())
    return f"it has {words} words; write at most {MOST_WORDS}" if words > MOST_WORDS else ""


def _label(reason: Reason, case: Case) -> str:
    if reason.verdict is not case.label or reason.type not in _TYPES[case.label]:
        return f"the label is {case.label}, and verdict and type have to agree with it"
    known = case.manipulation if case.manipulation in ACTIONS else reason.type
    if case.label is Label.MANIPULATED and reason.type not in (known, OTHER):
        return f"what was done is known: {known}"
    others = "|".join(words for label, words in _WORDS.items() if label is not case.label)
    if found := re.search(rf"\b(?:{others})\b", reason.prose.casefold()):
        return f"it says {found[0]!r}; speak for {case.label} only"
    return ""


def _findings(reason: Reason, case: Case) -> str:
    """Those of the field, and in the prose whatever is written as findings are."""
    given = {f.measurement.id for f in case.findings if f.null_rate is not None}
    prose = reason.prose.casefold()
    spoken = {name for name in examiners() if re.search(rf"\b{_aloud(name)}\b", prose)}
    if not {*reason.findings, *_NAME.findall(prose), *spoken} <= given:
        return f"it cites what was not measured; measured are {', '.join(sorted(given)) or 'none'}"
    return ""


def _aloud(name: str) -> str:
    """A pattern of a finding's name as people write it: "noise inconsistency"."""
    return name.replace("_", "[ _-]")


def _areas(reason: Reason, case: Case) -> str:
    """Places of the field, and those that the words on what does not fit name."""
    named = [{place} for place in reason.areas] + list(_named(reason.inconsistencies))
    if all(any(_is_altered(place, case) for place in one) for one in named):
        return ""
    if case.label is Label.AUTHENTIC:
        return "nothing was done to this image; name no part of it as inconsistent"
    return "it names a part of the image that is not altered; stay within the altered part"


_CHECKS = {
    Fault.TOO_LONG: _length,
    Fault.CONTRADICTS_LABEL: _label,
    Fault.UNKNOWN_FINDING: _findings,
    Fault.OUTSIDE_MASK: _areas,
}


def _is_altered(place: str, case: Case) -> bool:
    """Anywhere may be altered where no mask says otherwise, nothing of an authentic image."""
    if case.label is Label.AUTHENTIC:
        return False
    return case.mask is None or places.lies_in(case.mask, place)


def _named(text: str) -> Iterable[set[str]]:
    """For each mention of a part of the image the places that it may mean."""
    text = text.casefold()
    for row, column in _CORNER.findall(text):
        yield {places.PARTS[3 * _ROWS[row] + _COLUMNS[column]]}
    for side in _SIDE.findall(_CORNER.sub(" ", text)):
        if side in _ROWS:
            yield set(places.PARTS[3 * _ROWS[side] : 3 * _ROWS[side] + 3])
        else:
            yield set(places.PARTS[_COLUMNS[side] :: 3])


def _learned(reason: Reason, case: Case) -> str:
    """What may be said at serving: the edit by its name, places and findings as it chose them."""
    edit = reason.type if reason.type in ACTIONS else case.manipulation
    mask = case.mask if case.mask is not None else _boxes(reason.areas)
    return claims.write(claims_of(case.label, edit, mask, case.findings, reason.findings))


def _boxes(areas: Sequence[str]) -> Mask | None:
    """A mask ``[3, 3]`` of the places ``areas``; None without any."""
    if not areas:
        return None
    if places.WHOLE in areas:
        return np.ones((3, 3), np.bool_)
    return np.isin(np.arange(9).reshape(3, 3), [places.PARTS.index(area) for area in areas])


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+", text) if part]


@cache
def _fixed() -> tuple[str, ...]:
    """What answers have in common: names of places, of findings and of what was done."""
    done = (action for action, _ in (*ACTIONS.values(), ALTERED))
    return (*places.PLACES, *examiners(), *done)


def _skeleton(sentence: str) -> str:
    """A hash of the sentence without what differs from image to image in a template."""
    words = sentence.casefold()
    for fixed in _fixed():
        words = words.replace(fixed, "*")
    words = re.sub(r"[\d.,%]+", "*", _NAME.sub("*", _SIDE.sub("*", _CORNER.sub("*", words))))
    return hashlib.sha256(" ".join(re.findall(r"\w+|\*", words)).encode()).hexdigest()[:16]
