"""Parameters that many routes take, and what each of them checks first."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Path

from assay.store import Capture, Scope
from assay.store.ids import FORM
from bento.api import examples
from bento.api.auth import Caller, allowed
from bento.blindness import is_blind_for
from bento.pseudonyms import KEY
from bento.refusals import VerdictHidden
from bento.runtime import Runtime

_PATTERN = f"^{FORM}$"

CaptureId = Annotated[
    str,
    Path(
        description="Of a detection.",
        pattern=_PATTERN,
        openapi_examples={"detection": {"value": examples.CAPTURE_ID}},
    ),
]
CaseId = Annotated[
    str,
    Path(
        description="Of a case, as /v1/review names it.",
        pattern=_PATTERN,
        openapi_examples={"case": {"value": examples.REVIEW_CASE["id"]}},
    ),
]


Known = Annotated[
    str,
    Header(
        alias="If-None-Match", max_length=1000, description="ETags of what the caller has already."
    ),
]
READS = Depends(allowed(Scope.READ))
Reader = Annotated[Caller, READS]
Decider = Annotated[Caller, Depends(allowed(Scope.FEEDBACK))]


def name_of(asking: Caller) -> str:
    """Under which name the store knows whoever decides: of an account, or of a client's keys."""
    return asking.account.name if asking.account else f"{KEY}{asking.client}"


def is_known(tag: str, known: str) -> bool:
    """Whether ``known``, an If-None-Match header, names the ETag ``tag`` (RFC 9110, 13.1.2)."""
    return tag in (given.strip().removeprefix("W/") for given in known.split(","))


def judged_capture(here: Runtime, asking: Caller, capture_id: str) -> Capture:
    """A capture whose verdict, or what gives it away, the caller may see now.

    Raises `NotCaptured`, and `VerdictHidden` while the caller holds it as an audit: people are
    stopped by `bento.blindness` already, a platform that reviews with its key is here.
    """
    capture = here.store.captures.get(capture_id)
    if is_blind_for(here.store, capture, name_of(asking)):
        raise VerdictHidden("you are to judge this image without the model; decide it first")
    return capture
