"""Parameters that many routes take, and what each of them checks first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Path

from assay.store import Capture, Scope
from assay.store.ids import FORM
from bento.api.auth import Caller, caller
from bento.blindness import is_blind_for
from bento.pseudonyms import KEY
from bento.refusals import NotAllowed, VerdictHidden
from bento.runtime import Runtime

_PATTERN = f"^{FORM}$"
_EXAMPLE = "01936f3e-8d2c-7a41-9b1e-5f0c2d7a6e34"

CaptureId = Annotated[
    str,
    Path(
        description="Of a detection.",
        pattern=_PATTERN,
        openapi_examples={"detection": {"value": _EXAMPLE}},
    ),
]
CaseId = Annotated[
    str,
    Path(
        description="Of a case, as /v1/review names it.",
        pattern=_PATTERN,
        openapi_examples={"case": {"value": _EXAMPLE}},
    ),
]


def live(scope: Scope) -> Callable[..., Caller]:
    """A dependency that gives the caller, who must have ``scope``, and no sandbox key."""

    def check(found: Annotated[Caller, Depends(caller)]) -> Caller:
        found.require(scope)
        if found.is_sandbox:
            raise NotAllowed("a sandbox key reaches test images only; use a live key")
        return found

    return check


READS = Depends(live(Scope.READ))
Reader = Annotated[Caller, READS]
Decider = Annotated[Caller, Depends(live(Scope.FEEDBACK))]


def name_of(asking: Caller) -> str:
    """Under which name the store knows whoever decides: of an account, or of a client's keys."""
    return asking.account.name if asking.account else f"{KEY}{asking.client}"


def judged_capture(here: Runtime, asking: Caller, capture_id: str) -> Capture:
    """A capture whose verdict, or what gives it away, the caller may see now.

    Raises `NotCaptured`, and `VerdictHidden` while the caller holds it as an audit.
    """
    capture = here.store.captures.get(capture_id)
    refuse_blind(here, asking, capture)
    return capture


def refuse_blind(here: Runtime, asking: Caller, capture: Capture) -> None:
    """Raise `VerdictHidden` while the caller holds ``capture`` as an audit."""
    if is_blind_for(here.store, capture, name_of(asking)):
        raise VerdictHidden("this image is an audit that you hold: decide it first")
