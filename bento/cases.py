"""A captured decision as a case that can be signed and given out, and as a published review."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assay import kept_answers, notices
from assay.case_records import Case, ImageFacts, KeptVerdict, SeenBefore, Step
from assay.fingerprints import code_fingerprint
from assay.records import Label
from assay.store import Capture, Decision, HumanLabel, Known
from bento import captures, pseudonyms
from bento.model_card import ModelCard

_SATIRE = "satire_or_art"
"""The reason code that says an image is no claim about the world."""


def case_of(
    capture: Capture,
    image: bytes | None,
    history: Sequence[Decision],
    model: ModelCard,
    known: Sequence[Known] = (),
) -> Case:
    """The case of ``capture``, with what derives its verdict where ``model`` gave it.

    ``image`` are the bytes as received, None where they were not kept; ``known`` are the
    fact-checks in which the picture was seen and that may still be named.
    """
    is_served = capture.model_version == model.version
    is_decided = is_served and _decides(model, capture)
    return Case(
        id=capture.id,
        at=capture.created_at.isoformat(),
        image=_facts(capture, image),
        verdict=_verdict(capture),
        findings=captures.kept_findings(capture),
        versions=_versions(capture),
        history=_steps(history),
        stratum=capture.stratum,
        fusion=model.fusion if is_served else None,
        calibration=model.calibration if is_decided else None,
        known_images=tuple(_seen_before(one) for one in known),
    )


def _seen_before(known: Known) -> SeenBefore:
    return SeenBefore(
        known.fact_check_url,
        known.title,
        known.review_date,
        known.average_distance,
        known.phash_distance,
    )


def _decides(model: ModelCard, capture: Capture) -> bool:
    """Whether what decides now would have decided so: a policy may have changed since."""
    return kept_answers.still_holds(capture, model.rules, model.is_heard)


def media_review(
    capture: Capture, decision: Decision, publisher: str, address: str
) -> dict[str, Any]:
    """What people decided, as a schema.org MediaReview (JSON-LD).

    ``originalMediaLink`` names an unaltered version, so it is there only where the post is one.
    """
    is_original = _category(decision) == "OriginalMediaContent"
    post = capture.post_url if capture.post_url.startswith(("https://", "http://")) else ""
    review = {
        "@context": "https://schema.org",
        "@type": "MediaReview",
        "url": address,
        "datePublished": decision.created_at.isoformat(),
        "author": {"@type": "Organization", "name": publisher},
        "mediaAuthenticityCategory": f"https://schema.org/{_category(decision)}",
        "itemReviewed": {
            "@type": "MediaReviewItem",
            "mediaItemAppearance": _appearance(capture, decision, post),
        },
    }
    return review | ({"originalMediaLink": post} if is_original and post else {})


def _facts(capture: Capture, image: bytes | None) -> ImageFacts:
    kind = capture.media_type.removeprefix("image/").upper()
    size = None if image is None else len(image)
    return ImageFacts(capture.image_digest, size, kind, capture.width, capture.height)


def _verdict(capture: Capture) -> KeptVerdict:
    probabilities = {Label(name): p for name, p in capture.probabilities.items()}
    return KeptVerdict(
        capture.label,
        capture.score,
        probabilities,
        capture.needs_review,
        capture.log_odds,
        capture.rationale,
    )


def _versions(capture: Capture) -> dict[str, str]:
    """A capture does not know which code measured it, so what is named is that of the file."""
    return {
        "model": capture.model_version,
        "code that wrote this file": code_fingerprint(),
        "serving plan": capture.serving_plan or "none",
    }


def _steps(history: Sequence[Decision]) -> tuple[Step, ...]:
    """Decisions in order; notes stay inside, as they are written for colleagues."""
    names = pseudonyms.of(history)
    places = {decision.id: place for place, decision in enumerate(history, 1)}
    return tuple(
        Step(one.created_at.isoformat(), names[one.who], _said(one, places), one.reason_code)
        for one in history
    )


def _said(decision: Decision, places: dict[int, int]) -> str:
    if decision.undoes is not None:
        return f"took back entry {places[decision.undoes]}"
    seen = " (verdict hidden)" if decision.is_blind else ""
    action = f", action: {decision.action}" if decision.action else ""
    return f"label: {decision.label}{action}{seen}"


def _category(decision: Decision) -> str:
    """A member of schema.org's MediaManipulationRatingEnumeration.

    The scheme is about misleading people: an edit that misleads nobody leaves original content
    ("no evidence that it was misleadingly altered"), satire has its own word. TransformedContent
    adds or deletes visual elements; it is also the nearest there is for generated images, which
    the scheme does not know. EditedOrCroppedContent means cut out of a larger whole, and nobody
    is asked about that here.
    """
    if decision.label is HumanLabel.AUTHENTIC or decision.reason_code == notices.BENIGN:
        return "OriginalMediaContent"
    if decision.reason_code == _SATIRE:
        return "SatireOrParodyContent"
    return "TransformedContent"


def _appearance(capture: Capture, decision: Decision, post: str) -> dict[str, Any]:
    """Which image it is: by its digest, and where it was posted if that is known."""
    appearance: dict[str, Any] = {
        "@type": "ImageObject",
        "sha256": capture.image_digest,
        "encodingFormat": capture.media_type,
        "width": capture.width,
        "height": capture.height,
    }
    if post:
        appearance["url"] = post
    if decision.label is HumanLabel.SYNTHESIZED:
        appearance["digitalSourceType"] = "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
    return appearance
