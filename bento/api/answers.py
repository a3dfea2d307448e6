"""Captures in the words of the contract."""

from __future__ import annotations

import time
from collections.abc import Sequence
from urllib.parse import urlencode

from assay import notices, signed_urls
from assay.errors import NotCaptured, StoreUnavailable
from assay.records import Label
from assay.store import Capture, Decision, Sibling
from bento import captures, known_images
from bento.api.schemas import (
    DecisionShape,
    Detection,
    FindingShape,
    KnownImageShape,
    NoticeShape,
    Provenance,
    RescoringShape,
    SiblingShape,
    StabilityShape,
)
from bento.runtime import Runtime

CONTEXT = (
    "Only the image was checked. Captions, claims, dates and places were not: an untouched photo "
    "under a false caption is still misleading."
)
_DAY = 86400
_KNOWN = 1000
_LATER = 10
"""Siblings that came later and are listed; a picture that goes round has thousands."""


def detection(here: Runtime, capture: Capture, language: str) -> Detection:
    """The public answer of a capture, with what people decided since; reads the database."""
    decision = current_decision(here, capture)
    return Detection(
        id=capture.id,
        created_at=capture.created_at,
        external_id=capture.external_id,
        label=capture.label,
        score=capture.score,
        probabilities={Label(name): p for name, p in capture.probabilities.items()},
        needs_review=capture.needs_review,
        stability=_stability(capture),
        findings=[FindingShape.model_validate(finding) for finding in capture.findings],
        provenance=Provenance.model_validate(capture.provenance),
        context=CONTEXT,
        rationale=capture.rationale or None,
        notice=notice(here, capture, decision, language),
        decision=_decision(decision),
        answered_from=capture.answered_from,
        siblings=siblings(here, capture),
        known_images=[
            KnownImageShape(**one.model_dump())
            for one in known_images.still_known(here.engine.known, capture)
        ],
        model_version=capture.model_version,
        serving_plan=capture.serving_plan,
        timings=capture.timings,
    )


def siblings(here: Runtime, capture: Capture) -> list[SiblingShape]:
    """The near-duplicates of a capture, those that came later first; reads the database.

    A repeat has those of the capture that it repeats, whose pixels it has.
    """
    return [_sibling(here, one) for one in _siblings(here, capture, _LATER)]


def sibling_ids(here: Runtime, capture: Capture) -> set[str]:
    """All that may be seen beside a capture, more than an answer lists."""
    return {one.id for one in _siblings(here, capture, _KNOWN)}


def current_decision(here: Runtime, capture: Capture) -> Decision | None:
    """What people decided of a capture's pixels; while the database does not answer, nothing."""
    try:
        return here.store.feedback.decision_on(capture.pixel_digest)
    except StoreUnavailable:
        return None


def notice(
    here: Runtime, capture: Capture, decision: Decision | None, language: str
) -> NoticeShape:
    """What users are told now, with the signed addresses of its label."""
    told = captures.notice(capture, decision, language)
    return NoticeShape(
        level=told.level.value,
        reason=told.reason,
        language=told.language,
        title=told.title,
        sentence=told.sentence,
        html_url=notice_url(here, capture.id, "html", language),
        svg_url=notice_url(here, capture.id, "svg", language),
    )


def notice_url(here: Runtime, capture_id: str, kind: str, language: str) -> str:
    """Where the label of a capture's notice is; it expires at a day's end, so it can be cached."""
    days = here.settings.notice_days + 1
    expires = (int(time.time()) // _DAY + days) * _DAY
    query = urlencode({"lang": language})
    path = signed_urls.sign(
        f"/v1/detections/{capture_id}/notice.{kind}?{query}", expires, here.url_keys
    )
    return here.settings.public_url + path


def language_of(header: str | None) -> str:
    """The language of notices that an Accept-Language header asks for."""
    return notices.preferred(header or "")


def _siblings(here: Runtime, capture: Capture, later: int) -> Sequence[Sibling]:
    """Known siblings; while the database does not answer, those that were served."""
    try:
        first = capture.answered_from
        known = here.store.captures
        return known.siblings_of(known.get(first) if first else capture, later)
    except NotCaptured:  # what it repeats was deleted
        return []
    except StoreUnavailable:
        return capture.siblings


def _sibling(here: Runtime, one: Sibling) -> SiblingShape:
    try:
        decision = _decision(here.store.feedback.decision(one.id))
    except StoreUnavailable:
        decision = None
    return SiblingShape(**one.model_dump(), decision=decision)


def _stability(capture: Capture) -> StabilityShape | None:
    if capture.stability is None:
        return None
    rescored = [
        RescoringShape(perturbation=name, label=one.label, score=one.score)
        for name, one in capture.stability.items()
    ]
    return StabilityShape(is_stable=bool(capture.is_stable), rescored=rescored)


def _decision(decision: Decision | None) -> DecisionShape | None:
    if decision is None or decision.label is None:
        return None
    return DecisionShape(
        label=decision.label,
        action=decision.action,
        reason_code=decision.reason_code,
        decided_at=decision.created_at,
    )
