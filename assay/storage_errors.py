"""What places to store raise when they fail, and what to do about it.

fsspec lets some errors of the clients of S3 through, beside OSError.
"""

from __future__ import annotations

from importlib import import_module

_AWAY = ("Endpoint", "Connect", "Client", "Server", "ReadTimeout", "HTTPClient")
"""How the errors of a client begin that found no server, or lost it."""


def errors(protocol: str | tuple[str, ...]) -> tuple[type[Exception], ...]:
    """What a file system raises when it fails; S3's lets some of its client's errors through."""
    if "s3" not in protocol:
        return (OSError,)
    return OSError, *s3_errors()


def s3_errors() -> tuple[type[Exception], ...]:
    """What clients of S3 raise beside OSError."""
    own = import_module("botocore.exceptions")
    network: type[Exception] = import_module("aiohttp").ClientError
    return own.BotoCoreError, own.ClientError, network


def remedy(error: Exception) -> str:
    """What to do about an object store that refuses, or does not answer."""
    kind = type(error).__name__
    if isinstance(error, PermissionError) or "Credential" in kind:
        return "; check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what that key may do"
    if isinstance(error, FileNotFoundError):
        is_bucket = "bucket" in str(error).lower()
        return "; make the bucket, or name another in ASSAY_STORAGE_URL" if is_bucket else ""
    if isinstance(error, TimeoutError | ConnectionError) or kind.startswith(_AWAY):
        return "; check AWS_ENDPOINT_URL, and whether its server is up"
    return ""
