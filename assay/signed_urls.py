"""Addresses that open one thing for a while: whoever has one needs no account.

    /v1/detections/42/notice.svg?lang=de&expires=1767225600&signature=...

The signature covers path, query and the moment of expiry, so nothing of it can be exchanged.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Sequence
from urllib.parse import parse_qsl, urlencode, urlsplit

from assay.errors import ConfigError
from assay.signing_keys import is_signed, mac

_PURPOSE = b"assay signed url v1\n"
"""A signature for something else that the same key made is worth nothing here."""
_LONGEST = 4096


def sign(path: str, expires: int, keys: Sequence[bytes]) -> str:
    """``path``, which may have a query, valid until ``expires`` (Unix time, seconds).

    The newest key, the first, signs with HMAC-SHA256. Raises `ConfigError` for a path that names
    a host or those two parameters itself.
    """
    parts = urlsplit(path)
    query = parse_qsl(parts.query, keep_blank_values=True)
    reserved = {"expires", "signature"} & {name for name, _ in query}
    if parts.scheme or parts.netloc or parts.fragment or reserved or not path.startswith("/"):
        raise ConfigError(
            f"{path!r} cannot be signed; give a path without host, expires or signature"
        )
    unsigned = f"{parts.path}?{urlencode([*query, ('expires', str(expires))])}"
    signature = base64.urlsafe_b64encode(mac(keys[0], _PURPOSE + unsigned.encode()))
    return f"{unsigned}&signature={signature.decode().rstrip('=')}"


def is_valid(url: str, keys: Sequence[bytes], now: float | None = None) -> bool:
    """Whether `sign` made ``url`` (path and query as received) with one of ``keys``, not expired.

    ``now`` is Unix time, the clock's by default. False, never an error, whatever a stranger sent.
    """
    unsigned, mark, signature = url.rpartition("&signature=")
    if not mark or len(url) > _LONGEST or not url.isascii():
        return False
    try:
        given = base64.b64decode(signature + "=" * (-len(signature) % 4), b"-_", validate=True)
        if base64.urlsafe_b64encode(given).decode().rstrip("=") != signature:
            return False  # one signature, one spelling
    except (binascii.Error, ValueError):
        return False
    # The signature first: nothing else of an address that nobody signed is looked at.
    if not is_signed(keys, _PURPOSE + unsigned.encode(), given):
        return False
    return (time.time() if now is None else now) < int(unsigned.rpartition("expires=")[2])
