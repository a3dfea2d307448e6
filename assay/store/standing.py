"""How a target stands after something was done about it: what answers, and what is recorded."""

from __future__ import annotations

from dataclasses import dataclass

from assay.store.deployments import Deployment


@dataclass(frozen=True, slots=True)
class Standing:
    """What a run of the pipeline `deploy` came to; a release that was refused is a value."""

    target: str
    answers: str | None
    """The release that answers, as the target says; None for the champion, or nothing."""
    is_serving: bool
    """Whether anything answers there now."""
    deployment: Deployment | None
    """What this run did, or found; the newest one where it only asked."""
    note: str = ""
    """What a reader should know beside it."""
    fell_through: bool = False
    """Whether this run tried a release that does not answer now: a run of CI has to fail then."""
