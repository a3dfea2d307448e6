"""What is kept of an answer, and how an answer comes back from what was kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from assay import ledger, notices
from assay.case_records import KeptFinding
from assay.detector import Rationale
from assay.duplicates import MIN_QUALITY
from assay.evidence import Role
from assay.intake import ImageFacts
from assay.metadata import content_credentials
from assay.notices import NoticeLimits
from assay.questions import Question
from assay.records import Finding, Label, Verdict
from assay.siblings import Kinship
from assay.store import Capture, Decision, Notice
from bento import decisions
from bento.siblings import Sibling
from bento.submission import Submission

AS_EVER = NoticeLimits()
"""From which scores on users are cautioned where no policy says otherwise."""
_FINDINGS = TypeAdapter(tuple[KeptFinding, ...])
_INHERITED = (
    "label", "score", "probabilities", "log_odds", "stratum", "needs_review", "findings",
    "rationale", "is_reasoned", "model_version", "serving_plan", "descriptors", "embedding",
    "stability",
)  # fmt: skip
_OF_THE_FILE = ("provenance", "notice", "notice_reason")
"""Also inherited, but by the same bytes only: equal pixels may come in a file that says otherwise.
"""


def judged(
    submission: Submission,
    identity: ImageFacts,
    question: Question,
    verdict: Verdict,
    siblings: Sequence[Sibling],
    limits: NoticeLimits = AS_EVER,
) -> Capture:
    """The capture of a fresh verdict; users are cautioned from ``limits`` on."""
    told = notices.notice(verdict, is_benign=_is_benign(siblings), limits=limits)
    kept = tuple(KeptFinding.of(finding) for finding in verdict.findings)
    return Capture(
        **_asked(submission, identity),
        label=verdict.label,
        score=verdict.score,
        probabilities={label.value: p for label, p in verdict.probabilities.items()},
        needs_review=verdict.needs_review or calls_for_people(siblings),
        findings=_FINDINGS.dump_python(kept, mode="json"),
        provenance=_provenance(verdict.findings),
        rationale=verdict.rationale,
        is_reasoned=submission.rationale.is_wanted(verdict),
        siblings=[one.as_kept() for one in siblings],
        log_odds=verdict.log_odds if math.isfinite(verdict.log_odds) else None,
        stratum=question.stratum,
        notice=Notice(told.level.value),
        notice_reason=told.reason,
        model_version=verdict.model_version,
        embedding=list(verdict.embedding),
    )


def repeated(
    seen: Capture,
    submission: Submission,
    identity: ImageFacts,
    stated: Sequence[Finding] | None = None,
    limits: NoticeLimits = AS_EVER,
) -> Capture:
    """The capture of an image whose pixels were answered before: the same answer, marked so.

    ``stated`` is what its file says of its origin; None where it is the same file, byte for byte.
    """
    inherited = {name: getattr(seen, name) for name in (*_INHERITED, *_OF_THE_FILE)}
    own = {} if stated is None else _own(seen, stated, limits)
    first = seen.answered_from or seen.id
    return Capture(**_asked(submission, identity), **(inherited | own), answered_from=first)


def has_reasons(capture: Capture, wanted: Rationale) -> bool:
    """Whether a kept answer holds the reasons that a request like ``wanted`` would be given."""
    return capture.is_reasoned or not wanted.is_wanted(verdict_of(capture))


def findings_of(capture: Capture) -> tuple[Finding, ...]:
    """The findings as they were served, without heatmaps."""
    return tuple(one.finding for one in kept_findings(capture))


def kept_findings(capture: Capture) -> tuple[KeptFinding, ...]:
    """The findings as they are kept."""
    return _FINDINGS.validate_python(capture.findings)


def verdict_of(capture: Capture) -> Verdict:
    """The verdict that was answered."""
    return Verdict(
        label=capture.label,
        score=capture.score,
        probabilities={Label(name): p for name, p in capture.probabilities.items()},
        needs_review=capture.needs_review,
        log_odds=math.nan if capture.log_odds is None else capture.log_odds,
        findings=findings_of(capture),
        rationale=capture.rationale,
        model_version=capture.model_version,
    )


def notice(capture: Capture, decision: Decision | None, language: str) -> notices.Notice:
    """What a platform's users are told now: what was decided since outranks what was measured.

    Raises `ConfigError` for a language without translations.
    """
    if human := decisions.human_decision(decision):
        return notices.notice(verdict_of(capture), human, language=language)
    level = notices.Level(capture.notice.value)
    return notices.in_language(level, capture.notice_reason or "none", language)


def calls_for_people(siblings: Sequence[Sibling]) -> bool:
    """Whether one shows other content in places, and none that shows the same was cleared.

    Nothing says which of the two came first, so this moves no score (docs/decisions/0060).
    """
    differs = any(one.kind is Kinship.LOCALLY_DIFFERENT for one in siblings)
    return differs and not _is_benign(siblings)


def _is_benign(siblings: Sequence[Sibling]) -> bool:
    """Whether people cleared a picture of which this one is a copy, altered only as a whole."""
    return any(one.kind is Kinship.SAME_CONTENT and one.is_cleared for one in siblings)


def _own(seen: Capture, stated: Sequence[Finding], limits: NoticeLimits) -> dict[str, Any]:
    """What another file of the pixels of ``seen`` does not inherit: its origin and what follows."""
    names = {finding.measurement.id for finding in stated}
    measured = [one for one in kept_findings(seen) if one.id not in names]
    findings = (*measured, *map(KeptFinding.of, stated))
    verdict = replace(verdict_of(seen), findings=tuple(one.finding for one in findings))
    # Where nothing was to be told, that was for the pixels' sake: an origin only adds notices.
    told = notices.notice(verdict, is_benign=seen.notice is Notice.NONE, limits=limits)
    return {
        "findings": _FINDINGS.dump_python(findings, mode="json"),
        "provenance": _provenance(stated),
        "notice": Notice(told.level.value),
        "notice_reason": told.reason,
    }


def _asked(submission: Submission, identity: ImageFacts) -> dict[str, Any]:
    return {
        "client": submission.client,
        "external_id": submission.external_id,
        "caption": submission.caption,
        "post_url": submission.post_url,
        "reach": submission.reach,
        "keep_image": submission.keep_image,
        "pixel_digest": identity.pixel_digest,
        "pdq": identity.pdq if identity.pdq_quality >= MIN_QUALITY else "",
        "media_type": identity.media_type,
        "width": identity.width,
        "height": identity.height,
    }


def _provenance(found: Sequence[Finding]) -> dict[str, Any]:
    """What the file says of itself: the state of its credentials, and all facts verbatim."""
    facts = [
        list(fact) for one in ledger.in_role(found, Role.VERBATIM) for fact in one.measurement.facts
    ]
    state = next((value for name, value in facts if name == content_credentials.NAME), "none")
    return {"state": state, "facts": facts}
