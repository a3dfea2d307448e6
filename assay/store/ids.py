"""Identifiers that sort by time and cannot be guessed, and secrets of which a digest is kept."""

from __future__ import annotations

import hashlib
import re
import secrets
import time

FORM = r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
"""Of every identifier, as a regular expression."""


def new_id() -> str:
    """A UUID of version 7 as text (RFC 9562): milliseconds, a finer fraction, 62 random bits.

    The fraction of the millisecond (method 3 there) puts identifiers of one process in order.
    """
    milliseconds, rest = divmod(time.time_ns(), 1_000_000)
    fraction = rest * 4096 // 1_000_000
    value = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64
    value |= 0b10 << 62 | secrets.randbits(62)
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def is_id(text: str) -> bool:
    """Whether ``text`` has the form of `new_id`; nothing else may become part of a path."""
    return re.fullmatch(FORM, text) is not None


def new_secret() -> str:
    """256 random bits as URL-safe text."""
    return secrets.token_urlsafe(32)


def secret_digest(secret: str) -> str:
    """SHA-256 of a secret in hex, the only form in which the store keeps one.

    Slow and salted hashes protect secrets that can be guessed; 256 random bits cannot be, so a
    plain digest is as safe, costs microseconds a request, and can be looked up by an index.
    """
    return hashlib.sha256(secret.encode()).hexdigest()
