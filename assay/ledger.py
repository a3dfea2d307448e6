"""The evidence ledger: what was measured of an image, and how often authentic images show as much.

A raw measurement means nothing to a reader or a model; its null rate does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from assay import fusion
from assay.errors import CheckpointMismatch
from assay.evidence import Examiner, Role, examiners
from assay.measuring import measured_names
from assay.metadata import quoted
from assay.null_rates import NullRates
from assay.records import Finding, Hypothesis, Label, Measurement

_MOST_QUOTED, _QUOTE = 8, 160
"""Facts that a sentence quotes, and characters of each; the measurement holds them all."""


def in_role(findings: Iterable[Finding], role: Role) -> tuple[Finding, ...]:
    """The findings of examiners with this ``role``; the model is told of those to be fused."""
    roles = {name: examiner.role for name, examiner in examiners().items()}
    return tuple(finding for finding in findings if roles[finding.measurement.id] is role)


def findings(measurements: Iterable[Measurement], null_rates: NullRates) -> tuple[Finding, ...]:
    """The measurements that ``null_rates`` knows, with their null rates, sorted by name.

    Verbatim facts, which need no null rate, come after them. Others are left out: a model is asked
    with the evidence it was trained on, also after a new examiner was added. Raises
    `CheckpointMismatch` when one that it was trained on is missing.
    """
    given = {measurement.id: measurement for measurement in measurements}
    if missing := [name for name in null_rates.names if name not in given]:
        raise CheckpointMismatch(
            f"the model was trained with {', '.join(missing)}, which no examiner measures here; "
            "use the version of Assay that trained it, or train again"
        )
    known = tuple(_finding(given[name], null_rates) for name in null_rates.names)
    return known + stated(given.values())


def stated(measurements: Iterable[Measurement]) -> tuple[Finding, ...]:
    """What a file says of itself: the verbatim ones of ``measurements``, which need no model."""
    given = {measurement.id: measurement for measurement in measurements}
    return tuple(_verbatim(given[name]) for name in verbatim_names() if name in given)


def verbatim_names() -> tuple[str, ...]:
    """The examiners that quote what the file says, by name."""
    return tuple(name for name, one in examiners().items() if one.role is Role.VERBATIM)


def surprises_of(evidence: Sequence[Sequence[Finding]]) -> dict[str, npt.NDArray[np.float64]]:
    """How surprising findings are ``[n]``; ``evidence`` is the findings of each image.

    By `Label`, those to be fused that speak for the class, together; and by its name each one that
    has a null rate, shown ones too: 0 where it was not measured.
    """
    classes = (Label.MANIPULATED, Label.SYNTHESIZED)
    found = {name: np.zeros(len(evidence)) for name in (*classes, *measured_names())}
    for row, findings in enumerate(evidence):
        for finding in findings:
            if finding.measurement.id in found:
                found[finding.measurement.id][row] = finding.surprise
        for finding in in_role(findings, Role.FUSED):
            generated = finding.suggests is Hypothesis.GENERATED
            found[Label.SYNTHESIZED if generated else Label.MANIPULATED][row] += finding.surprise
    return found


def is_evidence(findings: Iterable[Finding]) -> bool:
    """Whether anything that counts in the verdict could be measured at all."""
    return any(found.null_rate is not None for found in in_role(findings, Role.FUSED))


def _finding(measurement: Measurement, null_rates: NullRates) -> Finding:
    examiner = examiners()[measurement.id]
    title, kind = examiner.title.capitalize(), examiner.suggests
    if measurement.value is None:
        reason = measurement.not_applicable or "not applicable"
        sentence = f"{title} was not measured: {reason}."
        return Finding(measurement, None, sentence, examiner.title, kind)
    rate = null_rates.rate(measurement.id, measurement.value)
    surprise = _surprise(examiner, measurement.value, null_rates)
    sentence = (
        f"{title} measures {measurement.value:.3g}; "
        f"{_percent(rate)} of authentic images measure as high."
    )
    return Finding(measurement, rate, sentence, examiner.title, kind, surprise)


def _surprise(examiner: Examiner, value: float, null_rates: NullRates) -> float:
    is_conclusive = examiner.conclusive is not None and value >= examiner.conclusive
    return fusion.surprise(null_rates.mid_rate(examiner.name, value), is_conclusive)


def _verbatim(measurement: Measurement) -> Finding:
    title = examiners()[measurement.id].title.capitalize()
    if measurement.not_applicable:
        return Finding(measurement, None, f"{title}: {measurement.not_applicable}.")
    stated = [f"{name}: {quoted(text, _QUOTE)}" for name, text in measurement.facts[:_MOST_QUOTED]]
    if more := len(measurement.facts) - len(stated):
        stated.append(f"and {more} more")
    return Finding(measurement, None, f"{title}: {'; '.join(stated)}.")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.01 else "under 1 %"
