"""Invented findings, from which a base learns to read a ledger and to cite it in its reasons.

What is measured on a few hundred photographs repeats itself: a small model learns the phrases by
heart and copies the wrong place. Drawn at random, every finding occurs in every strength and at
every place, and only who reads the ledger can answer (decision 0048).
"""

from __future__ import annotations

import hashlib
import math

import numpy as np

from assay import places
from assay.evidence import Examiner, Role, examiners
from assay.records import Finding, Label, Mask, Measurement
from assay.teachers import teacher
from assay.teachers.claims import ACTIONS

_NOT_APPLICABLE, _UNUSUAL = 0.05, 0.4
"""Shares of findings that were not measured, and that few authentic images show."""
_RAREST, _RARE = 1e-3, 0.1
_POINTS_NOWHERE, _WHERE_IT_POINTS, _NO_MASK = 0.05, 0.6, 0.15
_CELLS = 48
"""Rows and columns of an invented mask."""


def rehearsed(image_id: str, number: int) -> tuple[Label, tuple[Finding, ...], str]:
    """A verdict and findings, both invented, and the reasons that a teacher gives for them.

    ``number`` tells the inventions for one image apart; the same arguments, the same answer. The
    verdict is drawn too: reasons have to follow the verdict that stands before them, not what a
    model remembers of the image.
    """
    digest = hashlib.sha256(f"{number}/{image_id}".encode()).digest()
    rng = np.random.default_rng(list(digest))
    findings = tuple(
        _finding(name, examiner, rng)
        for name, examiner in examiners().items()
        if examiner.role is Role.FUSED
    )
    label = list(Label)[rng.integers(len(Label))]
    edited = label is Label.MANIPULATED
    manipulation = str(rng.choice([*ACTIONS, ""])) if edited else ""
    mask = _mask(findings, rng) if edited else None
    return label, findings, teacher().rationale(label, manipulation, mask, findings)


def _finding(name: str, examiner: Examiner, rng: np.random.Generator) -> Finding:
    kind, rate = rng.random(), None
    if kind >= _NOT_APPLICABLE:
        rate = _rate(kind < _NOT_APPLICABLE + _UNUSUAL, rng)
    points = rate is not None and examiner.points > 0 and rng.random() >= _POINTS_NOWHERE
    regions = (places.region(str(rng.choice(places.PARTS))),) if points else ()
    measured = Measurement(name, None if rate is None else 0.0, regions)
    return Finding(measured, rate, "", examiner.title, examiner.suggests)


def _rate(unusual: bool, rng: np.random.Generator) -> float:
    if unusual:
        return float(math.exp(rng.uniform(math.log(_RAREST), math.log(_RARE))))
    return float(rng.uniform(_RARE, 1))


def _mask(findings: tuple[Finding, ...], rng: np.random.Generator) -> Mask | None:
    """Where the edit lies: more often than not where a finding points, and sometimes unknown."""
    if rng.random() < _NO_MASK:
        return None
    pointed = [place for found in findings if (place := places.where(found.measurement))]
    near = pointed and rng.random() < _WHERE_IT_POINTS
    box = places.region(str(rng.choice(pointed if near else places.PARTS)))
    mask = np.zeros((_CELLS, _CELLS), np.bool_)
    rows = slice(round(box.top * _CELLS), round(box.bottom * _CELLS))
    mask[rows, round(box.left * _CELLS) : round(box.right * _CELLS)] = True
    return mask
