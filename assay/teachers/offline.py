"""The teacher that needs no model: reasons composed from the label, the mask and the findings.

Every claim is checkable: the region comes from the mask, the numbers from the findings.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from assay.prompts import level, rate_words
from assay.records import Finding, Label, Mask

_ACTIONS = {
    "splice": "was pasted in from another photograph",
    "copy_move": "was copied from elsewhere in the image",
    "inpaint": "was painted over",
    "retouch": "was retouched",
    "text_overlay": "carries text that was added",
    "colour_filter": "was recoloured",
}
_ROWS = ("upper", "middle", "lower")
_COLUMNS = ("left", "centre", "right")
KNOWN_MANIPULATIONS = tuple(_ACTIONS)
REGIONS = tuple(f"The {row} {column} part" for row in _ROWS for column in _COLUMNS)
_RARE = 0.1
"""Findings at least this rare among authentic images are worth naming."""


def write_rationale(
    label: Label, manipulation: str, mask: Mask | None, findings: Sequence[Finding]
) -> str:
    """Two or three sentences: what was done where, then the evidence that points to it."""
    return " ".join([_claim(label, manipulation, mask), _evidence(findings)])


def region_words(mask: Mask) -> str:
    """The part of the image that holds the mask's centre of mass: "lower left part"."""
    if mask.mean() > 0.8:
        return "whole image"
    rows, columns = np.nonzero(mask)
    row = _ROWS[min(2, int(3 * rows.mean() / mask.shape[0]))]
    column = _COLUMNS[min(2, int(3 * columns.mean() / mask.shape[1]))]
    return (
        "middle of the image" if (row, column) == ("middle", "centre") else f"{row} {column} part"
    )


def _claim(label: Label, manipulation: str, mask: Mask | None) -> str:
    if label is Label.AUTHENTIC:
        return "No manipulation was found."
    if label is Label.SYNTHESIZED:
        return "The whole image was produced by a generator."
    where = region_words(mask) if mask is not None and mask.any() else "image"
    return f"The {where} {_ACTIONS.get(manipulation, 'was altered')}."


def _evidence(findings: Sequence[Finding]) -> str:
    rare = [f for f in findings if f.null_rate is not None and f.null_rate <= _RARE]
    if not rare:
        return "None of the measured evidence is unusual for an authentic image."
    named = ", ".join(f"{f.measurement.id} is {_degree(f)}" for f in rare)
    return f"Unusual evidence: {named}."


def _degree(finding: Finding) -> str:
    rate = finding.null_rate or 0.0
    return f"{level(rate)} ({rate_words(rate)} of authentic images)"
