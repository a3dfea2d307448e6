"""With which probability a capture is put before people: one draw for reviews and for audits."""

from __future__ import annotations


def chance(needs_review: bool, audit_share: float, review_share: float) -> float:
    """The probability with which `assay.store.Capture.drawn` chooses a capture by its identifier.

    Audits are drawn from everything, reviews from what calls for one; as one number decides both,
    the larger share counts.
    """
    return max(audit_share, review_share) if needs_review else audit_share
