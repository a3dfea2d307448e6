"""The verdict of a case once more, from what the case itself holds, and what that leaves open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from assay import ledger
from assay.calibration import Calibration
from assay.case_records import Case
from assay.evidence import examiners
from assay.fusion import log_odds
from assay.metrics import Floats
from assay.records import Label

TOLERANCE = 1e-6
"""Absolute: single steps are exact, sums differ by the order in which machines add."""


@dataclass(frozen=True, slots=True)
class Rederivation:
    """Which steps from image to verdict were taken again, and what they gave."""

    derived: tuple[str, ...] = ()
    """Steps that were taken again."""
    not_derived: tuple[str, ...] = ()
    """Steps that were not, each with the reason."""
    differences: tuple[str, ...] = ()
    """Where what came out is not what the case says."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found out about a case file."""

    case_id: str
    signed_by: str
    """The public key in base64 under which the signature holds; empty where it does not."""
    is_key_known: bool
    """Whether that key was given by whoever asks, not merely enclosed."""
    differences: tuple[str, ...]
    """Everything that is not as it was signed or stated, the derivation's included."""
    rederivation: Rederivation

    @property
    def is_intact(self) -> bool:
        """Signed, unchanged and consistent; by whom is another question, see `is_key_known`."""
        return bool(self.signed_by) and not self.differences


def rederive(case: Case) -> Rederivation:
    """Take every step from the stored findings to the verdict that ``case`` has the means for.

    Findings to log-odds by the stored fusion, or from stored logits; log-odds to probabilities,
    label and call for review by the stored calibration. The findings themselves are never measured
    again here: that takes the image and the version of the code that is named.
    """
    open_steps = ["findings from the image: that takes the image and the named version of the code"]
    if case.verdict.rationale:
        open_steps.append("the reasons in words: a model wrote them, and they decide nothing")
    logits, how = _logits(case)
    if logits is None:
        open_steps.append(f"log-odds from the findings: {how}")
        return Rederivation((), tuple(open_steps), tuple(_inconsistent(case)))
    steps, differences = [how], list(_differing_odds(case, logits))
    if case.calibration is None:
        open_steps.append("probabilities from log-odds: the case holds no calibration")
    else:
        steps.append("probabilities, label and review from log-odds by the stored calibration")
        differences += _differing_verdict(case, logits)
    differences += _inconsistent(case)
    return Rederivation(tuple(steps), tuple(open_steps), tuple(differences))


def _logits(case: Case) -> tuple[Floats | None, str]:
    """Class logits ``[1, 3]`` with how they came about, or why there are none."""
    if case.logits is not None:
        return np.array([case.logits], np.float64), "log-odds from the stored logits"
    if case.fusion is None:
        return None, "the case holds neither fusion nor logits"
    if case.fusion.hears_the_model:
        return None, "the model's own word counted, and only its image would bring it back"
    unknown = {one.id for one in case.findings} - set(examiners())
    if unknown:
        return None, f"this version does not know {', '.join(sorted(map(ascii, unknown)))}"
    silent = np.zeros((1, len(Label)))
    findings = [one.finding for one in case.findings]
    logits = case.fusion.logits(silent, ledger.surprises_of([findings]))
    return logits, "log-odds from the findings by the stored fusion"


def _differing_odds(case: Case, logits: Floats) -> Iterator[str]:
    found, stated = float(log_odds(logits)[0]), case.verdict.log_odds
    if stated is not None and not np.isclose(found, stated, rtol=0, atol=TOLERANCE):
        yield f"log-odds are stated as {stated:.6g}, and derived as {found:.6g}"


def _differing_verdict(case: Case, logits: Floats) -> Iterator[str]:
    assert case.calibration is not None  # noqa: S101 (asked by the caller)
    row = case.calibration.probabilities(logits)[0]
    for label, found in zip(Label, map(float, row), strict=True):
        stated = case.verdict.probabilities.get(label, np.nan)
        if not np.isclose(found, stated, rtol=0, atol=TOLERANCE):
            yield f"probability of {label.value}: stated {stated:.6g}, derived {found:.6g}"
    label = case.calibration.label(row, case.stratum)
    if label is not case.verdict.label:
        yield f"label: stated {case.verdict.label.value}, derived {label.value}"


def _inconsistent(case: Case) -> Iterator[str]:
    """What needs no derivation: does the verdict agree with itself."""
    verdict = case.verdict
    authentic = verdict.probabilities.get(Label.AUTHENTIC, np.nan)
    if not np.isclose(verdict.score, 1 - authentic, rtol=0, atol=TOLERANCE):
        yield f"score is {verdict.score:.6g}, and its probabilities say {1 - authentic:.6g}"
    # People also look where a near-duplicate shows something else, which a case does not hold.
    if case.calibration and _needs_review(case, case.calibration) and not verdict.needs_review:
        yield "review: none is stated, and the band says otherwise"


def _needs_review(case: Case, calibration: Calibration) -> bool:
    """As `assay.detector` asks: what nothing could be measured of is for people too."""
    if case.fusion is not None and not case.fusion.hears_the_model:
        known = [one.finding for one in case.findings if one.id in examiners()]
        if not ledger.is_evidence(known):
            return True
    return calibration.needs_review(case.verdict.score)
