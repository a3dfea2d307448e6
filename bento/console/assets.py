"""Style, scripts and pictures of the console, under an address that changes when any of them does.

All lie below one version, so that scripts import each other by relative names and browsers keep
them for good.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

STATIC = Path(__file__).parent / "static"

_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_FOR_GOOD = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

router = APIRouter(prefix="/static", include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    content: bytes
    media_type: str
    etag: str


def static_url(name: str) -> str:
    """The address of a file below `STATIC`; raises ``KeyError`` for one that is not there."""
    if name not in assets():
        raise KeyError(f"no file {name!r} below {STATIC}")
    return f"/static/{version()}/{name}"


@cache
def assets() -> Mapping[str, Asset]:
    """Every file that is served, by its path below `STATIC`; nothing else is ever opened."""
    files = (path for path in sorted(STATIC.rglob("*")) if path.suffix in _KINDS)
    return {path.relative_to(STATIC).as_posix(): _asset(path) for path in files}


@cache
def version() -> str:
    """Twelve digits that change with any asset."""
    together = "".join(f"{name} {asset.etag}\n" for name, asset in assets().items())
    return hashlib.sha256(together.encode()).hexdigest()[:12]


@router.get("/{at}/{name:path}")
async def get_asset(request: Request, at: str, name: str) -> Response:
    """One file; pages of an older version, still open in a browser, get the present one."""
    asset = assets().get(name)
    if asset is None:
        raise HTTPException(404, "no such file")
    kept = _FOR_GOOD if at == version() else _ASK_AGAIN
    headers = {"ETag": asset.etag, "Cache-Control": kept}
    if request.headers.get("if-none-match") == asset.etag:
        return Response(status_code=304, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=headers)


def _asset(path: Path) -> Asset:
    content = path.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return Asset(content, _KINDS[path.suffix], etag)
