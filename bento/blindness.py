"""Audits are judged blind: until the vote, no address tells their holder what the model says.

Only votes that no verdict has swayed can say how often people and the model agree. Of one capture
`is_blind_for` says whether a route may tell; lists ask `Review.blind` once. The console's pages
hide more, all audits on which somebody may yet vote (`assay.store.audits`).
"""

from __future__ import annotations

from assay.store import Capture, Store


def is_blind_for(store: Store, capture: Capture, account: str) -> bool:
    """Whether ``account`` (as the store names whoever votes) holds this image as an open audit."""
    return capture.pixel_digest in store.review.blind(account)
