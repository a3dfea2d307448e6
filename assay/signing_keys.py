"""Secret keys from the environment, with a second one while the first is being replaced.

Each variable holds one or two keys, newest first, separated by a space: all that is signed is
signed with the first, and both are believed. A key is 32 random bytes in base64, as in
``openssl rand -base64 32``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

from assay.errors import ConfigError

URLS = "ASSAY_URL_KEYS"
"""Signs the addresses of notices."""
CASES = "ASSAY_CASE_KEYS"
"""Signs case files."""
WEBHOOKS = "ASSAY_WEBHOOK_KEYS"
"""Signs what is sent to platforms."""

KEY_BYTES = 32
_MOST_KEYS = 2
_HOW = "set it to the output of: openssl rand -base64 32"


def read(variable: str) -> tuple[bytes, ...]:
    """The one or two keys in the environment's ``variable``, newest first.

    Raises `ConfigError` where there is none, there are more, or one is no 32 bytes in base64. The
    message never shows what was found.
    """
    words = os.environ.get(variable, "").split()
    if not words:
        raise ConfigError(f"{variable} holds no key; {_HOW}")
    if len(words) > _MOST_KEYS:
        raise ConfigError(f"{variable} holds {len(words)} keys; keep the newest and the one before")
    return tuple(decoded(word, variable) for word in words)


def decoded(text: str, name: str) -> bytes:
    """The 32 bytes of the key ``text``; raises `ConfigError` that calls it ``name``."""
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ConfigError(f"{name} holds a key that is no base64; {_HOW}") from error
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{name} holds a key of {len(key)} bytes, not {KEY_BYTES}; {_HOW}")
    return key


def mac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA256 (RFC 2104), 32 bytes."""
    return hmac.new(key, message, hashlib.sha256).digest()


def is_signed(keys: Sequence[bytes], message: bytes, signature: bytes) -> bool:
    """Whether one of ``keys`` signed ``message``; compared in constant time."""
    return any(hmac.compare_digest(mac(key, message), signature) for key in keys)
