"""A manipulated image with a mask and two findings, and a good answer about it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np

from assay.rationales.instructions import Case
from assay.records import Finding, Hypothesis, Label, Mask, Measurement, Region
from tests.scenes import scene

LEFT_BELOW = Region(0, 0.7, 0.3, 1)


def finding(name: str, rate: float | None, suggests: Hypothesis, box: Region | None = None):
    measurement = Measurement(name, None if rate is None else 1.0, (box,) if box else ())
    return Finding(measurement, rate, "", name.replace("_", " "), suggests)


FINDINGS = (
    finding("repeated_regions", 0.004, Hypothesis.COPIED, LEFT_BELOW),
    finding("colour_inconsistency", 0.03, Hypothesis.PASTED, LEFT_BELOW),
    finding("spectral_artefacts", None, Hypothesis.GENERATED),
)


def mask() -> Mask:
    altered = np.zeros((90, 90), bool)
    altered[70:, :20] = True
    return altered


EDITED = Case("a", scene(0, 90, 90), Label.MANIPULATED, "splice", mask(), FINDINGS)
AUTHENTIC = replace(EDITED, label=Label.AUTHENTIC, manipulation="", mask=None)
GENERATED = replace(EDITED, label=Label.SYNTHESIZED, manipulation="resynthesis", mask=None)


def fields(**changed: Any) -> dict[str, Any]:
    good = {
        "verdict": "manipulated",
        "type": "splice",
        "areas": ["lower left part"],
        "findings": ["colour_inconsistency"],
        "content": "A man in a red coat stands before a brick wall.",
        "inconsistencies": "The colours of the wall in the lower left part are those of another "
        "light, as colour_inconsistency shows.",
    }
    return good | changed


def answer(**changed: Any) -> str:
    return json.dumps(fields(**changed))
