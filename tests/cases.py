"""A case with findings that a real fusion and calibration turned into its verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from assay import images, ledger
from assay.calibration import Calibration
from assay.case_records import Case, Step
from assay.fusion import Fusion, log_odds, surprise
from assay.records import Finding, Hypothesis, Label, Measurement, Verdict
from tests.scenes import scene

KEY = bytes(range(32))
IMAGE = images.encode_png(scene())
FUSION = Fusion()
CALIBRATION = Calibration(1.2, 0.5, 0.4, 0.6, strata={"not JPEG, to 511 px": 0.45})
EVIL = "<script>alert('x')</script>"


def case(**changes: object) -> Case:
    """One decision, derivable unless ``changes`` say otherwise."""
    said = f"Copies {EVIL}.", "copies", Hypothesis.COPIED
    findings = (
        Finding(Measurement("repeated_regions", 0.9), 0.02, *said, surprise(0.02)),
        Finding(
            Measurement("sharpness_inconsistency", 0.4), 0.3, "Sharpness measures 0.4.",
            "sharpness", Hypothesis.EDITED, surprise(0.3),
        ),
    )  # fmt: skip
    logits = FUSION.logits(np.zeros((1, 3)), ledger.surprises_of([findings]))
    row = CALIBRATION.probabilities(logits)[0]
    verdict = Verdict(
        CALIBRATION.label(row),
        float(1 - row[0]),
        dict(zip(Label, map(float, row), strict=True)),
        CALIBRATION.needs_review(float(1 - row[0])),
        float(log_odds(logits)[0]),
        findings,
        "A part looks copied.",
        "8b953516",
    )
    history = (
        Step("2026-11-22T10:05:00+00:00", "moderator 7", "label: manipulated", "copy: the boat"),
        Step("2026-11-22T12:00:00+00:00", "moderator 2", "appeal upheld, label: authentic", EVIL),
    )
    made = Case.of(
        "c-42", "2026-11-22T10:00:00+00:00", IMAGE, verdict, {"code": "a013fafe88df"},
        history=history, fusion=FUSION, calibration=CALIBRATION,
    )  # fmt: skip
    return replace(made, **changes)
