"""Copies of requests: what a rollout shows to the side that does not answer them.

A copy is answered in full, so that the answers can be compared, and leaves no trace: no capture, no
key of idempotency, no metrics of verdicts. Nor is it answered from a capture, which may be the
other side's.
"""

from __future__ import annotations

import hmac

from fastapi import Request

from assay.rollout.nginx import COPY_HEADER
from bento.runtime import Runtime


def is_copy(request: Request, here: Runtime) -> bool:
    """Whether ``request`` carries the secret of this service's supervisor."""
    secret, given = here.settings.copy_secret, request.headers.get(COPY_HEADER, "")
    return bool(secret) and hmac.compare_digest(secret.encode(), given.encode())
