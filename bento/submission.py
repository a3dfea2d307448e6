"""What is handed in to be judged."""

from __future__ import annotations

from dataclasses import dataclass

from assay.detector import Rationale


@dataclass(frozen=True, slots=True)
class Submission:
    """One image on its way to a verdict, and what its platform says about it."""

    image: bytes
    client: str
    rationale: Rationale = Rationale.FLAGGED
    external_id: str = ""
    caption: str = ""
    post_url: str = ""
    reach: int = 0
    keep_image: bool = True
    stability: bool = False
    """Whether the image is to be scored again after harmless changes (`bento.stability`)."""
    capture_id: str = ""
    """Given where an idempotency key names it already."""
    is_copy: bool = False
    """Whether it is answered by itself, and leaves no trace (`bento.copies`)."""
