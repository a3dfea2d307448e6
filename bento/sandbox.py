"""What a sandbox key is answered: every verdict and every error on demand, nothing kept.

A test image (`bento.sandbox_images`) gives what is drawn on it; any other image a verdict that its
digest determines; an ``external_id`` of ``error:CODE`` the error of that code. An identifier holds
all that its detection is made from, so that it can be looked at again although nothing is stored.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from assay import errors, intake
from assay.detector import Rationale
from assay.errors import AssayError, ImageTooLarge, UnreadableImage
from assay.intake import ImageFacts
from assay.questions import Question
from assay.records import Finding, Hypothesis, Label, Measurement, Region, Verdict
from assay.store import Capture
from bento import captures, refusals
from bento.engine import Engine
from bento.refusals import InvalidRequest
from bento.sandbox_images import TestImage, encoded, named_in
from bento.submission import Submission

ERROR_PREFIX = "error:"
"""Before a code in ``external_id``."""
ID_PATTERN = r"test_(authentic|manipulated|synthesized|review)_[0-9a-f]{32}"

_ID = re.compile(ID_PATTERN)
_VERDICTS = tuple(which for which in TestImage if which.is_verdict)
_SPOILT = {
    TestImage.UNREADABLE: "unreadable_image",
    TestImage.TOO_LARGE: "image_too_large",
}
_MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""When sandbox detections are said to be made: the same at each look."""
_TIMINGS = {"identify": 4.0, "seen_before": 1.0, "evidence": 120.0, "model": 25.0}
_REASONS = {
    TestImage.MANIPULATED: "The noise in the lower right is weaker than everywhere else, as where "
    "a part of another photograph was put in.",
    TestImage.SYNTHESIZED: "The spectrum shows the regular peaks that generators leave behind.",
    TestImage.REVIEW: "The noise differs between parts of the image, but not beyond what heavy "
    "compression does.",
}
_SCORES = {
    TestImage.AUTHENTIC: 0.04,
    TestImage.MANIPULATED: 0.94,
    TestImage.SYNTHESIZED: 0.97,
    TestImage.REVIEW: 0.55,
}
_LABELS = {
    TestImage.AUTHENTIC: Label.AUTHENTIC,
    TestImage.MANIPULATED: Label.MANIPULATED,
    TestImage.SYNTHESIZED: Label.SYNTHESIZED,
    TestImage.REVIEW: Label.MANIPULATED,
}


def _saying(kind: type[AssayError], sentence: str) -> Callable[[], AssayError]:
    return lambda: kind(f"{sentence} (asked for in the sandbox)")


ERRORS: dict[str, Callable[[], AssayError]] = {
    "invalid_request": _saying(InvalidRequest, "the request is not what the contract describes"),
    "forbidden_address": _saying(
        errors.ForbiddenAddress, "the address is a private one; only public ones are fetched"
    ),
    "not_signed_in": _saying(refusals.NotSignedIn, "the API key is unknown or revoked"),
    "not_allowed": _saying(refusals.NotAllowed, "this needs the scope 'detect'"),
    "idempotency_conflict": _saying(
        errors.IdempotencyConflict, "the key was used for another body; choose a new one"
    ),
    "model_not_served": _saying(refusals.ModelNotServed, "that model version is not served here"),
    "body_too_large": _saying(refusals.BodyTooLarge, "the body is too long; send a smaller one"),
    "image_too_large": _saying(ImageTooLarge, "the image has too many pixels; scale it down"),
    "unreadable_image": _saying(UnreadableImage, "not an image; supply a JPEG, PNG or WEBP image"),
    "overloaded": lambda: refusals.Overloaded(limit=64, retry_after=2),
    "unparseable_answer": _saying(errors.UnparseableAnswer, "the model answered something else"),
    "source_unavailable": _saying(
        errors.SourceUnavailable, "the address did not answer in time; try again later"
    ),
    "store_unavailable": _saying(errors.StoreUnavailable, "the database does not answer"),
    "worker_lost": _saying(errors.WorkerLost, "the process that worked on it was killed"),
    "shutting_down": refusals.ShuttingDown,
    "deadline_exceeded": _saying(refusals.DeadlineExceeded, "the image took too long; try again"),
}
"""Every error that asking for a verdict can be answered with, by its code."""


async def detect(asked: Submission, engine: Engine) -> Capture:
    """What ``asked`` is answered with, and kept nowhere.

    Raises the error that the image or its ``external_id`` asks for, `InvalidRequest` for a code
    that there is not, and what decoding an image of the caller's own raises.
    """
    _raise_wanted(asked.external_id)
    digest = hashlib.sha256(asked.image).digest()
    which = named_in(asked.image)
    if which in _SPOILT:
        raise ERRORS[_SPOILT[which]]()
    if which is None:
        await engine.measure(intake.identify, asked.image)
        which = _VERDICTS[digest[0] % len(_VERDICTS)]
    return _capture(which, digest.hex()[:32], asked, engine.version)


def find(capture_id: str, version: str) -> Capture | None:
    """The detection of a sandbox identifier; None where it is none of the sandbox."""
    if not (found := _ID.fullmatch(capture_id)):
        return None
    asked = Submission(b"", client="sandbox")
    return _capture(TestImage(found.group(1)), capture_id.rpartition("_")[2], asked, version)


def image(capture_id: str) -> bytes | None:
    """The test image of a sandbox identifier; None for images that were not ours, or no such."""
    digest = capture_id.rpartition("_")[2]
    made = (encoded(which) for which in _VERDICTS)
    return next((one for one in made if hashlib.sha256(one).hexdigest()[:32] == digest), None)


def gives(which: TestImage) -> str:
    """What a test image is answered with: a label, ``review``, or the code of an error."""
    return _SPOILT.get(which, which.value)


def _raise_wanted(external_id: str) -> None:
    if not external_id.startswith(ERROR_PREFIX):
        return
    code = external_id.removeprefix(ERROR_PREFIX)
    if code not in ERRORS:
        known = ", ".join(ERRORS)
        raise InvalidRequest(f"the sandbox knows no error {code[:40]!r}; known: {known}")
    raise ERRORS[code]()


def _capture(which: TestImage, digest: str, asked: Submission, version: str) -> Capture:
    facts = ImageFacts(384, 256, "image/png", digest * 2, "", "", 0)
    question = Question(np.zeros((0, 0, 3), np.uint8), [], (), "")
    verdict = _verdict(which, asked.rationale, version)
    made = captures.judged(asked, facts, question, verdict, ())
    fixed = {"id": f"test_{which}_{digest}", "created_at": _MADE_AT, "timings": _TIMINGS}
    return made.model_copy(update=fixed)


def _verdict(which: TestImage, wanted: Rationale, version: str) -> Verdict:
    label, score = _LABELS[which], _SCORES[which]
    rest = {one: 0.0 for one in Label if one is not Label.AUTHENTIC}
    likelier = Label.MANIPULATED if label is Label.AUTHENTIC else label
    shares = rest | {likelier: score, Label.AUTHENTIC: 1 - score}
    verdict = Verdict(
        label,
        score,
        shares,
        needs_review=which is TestImage.REVIEW,
        log_odds=float(np.log(score / (1 - score))),
        findings=_findings(which),
        rationale=_REASONS.get(which, "Nothing that was measured is unusual for a photograph."),
        model_version=version,
    )
    if not wanted.is_wanted(verdict):
        return replace(verdict, rationale="")
    return verdict


def _findings(which: TestImage) -> tuple[Finding, ...]:
    is_pasted = which in (TestImage.MANIPULATED, TestImage.REVIEW)
    place = (Region(0.58, 0.52, 0.86, 0.9),) if is_pasted else ()
    noise = 0.01 if which is TestImage.MANIPULATED else 0.12 if is_pasted else 0.61
    spectrum = 0.005 if which is TestImage.SYNTHESIZED else 0.48
    return (
        _finding("noise_inconsistency", "Noise level", noise, Hypothesis.PASTED, place),
        _finding("spectral_artefacts", "Periodic peaks", spectrum, Hypothesis.GENERATED, ()),
        Finding(
            Measurement("compression_history", not_applicable="the file is no JPEG"),
            None,
            "Compression history: not applicable, the file is no JPEG.",
            "Compression history",
        ),
    )


def _finding(
    name: str, title: str, null_rate: float, suggests: Hypothesis, place: tuple[Region, ...]
) -> Finding:
    sentence = f"{title}: {100 * null_rate:g} % of authentic images measure as high."
    measured = Measurement(name, round(1 - null_rate, 3), place)
    surprise = float(np.log((1 - null_rate) / null_rate))
    return Finding(measured, null_rate, sentence, title, suggests, surprise)
