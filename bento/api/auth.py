"""Who is asking, and what they may do.

Three kinds of callers: a platform with ``Authorization: Bearer KEY``, a person with a session
cookie, and, where the service runs without AUTH, whoever asks from this machine. A browser sends
cookies by itself, so what a session changes needs the session's CSRF token too; and a page of
somebody else's must not use the open service on this machine, so there the Origin counts.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from fastapi.security import HTTPBearer

from assay.store import Account, Role, Scope
from bento.refusals import NotAllowed, NotSignedIn
from bento.runtime import Runtime, runtime

SESSION_COOKIE = "assay_session"
CSRF_HEADER = "X-CSRF-Token"
CSRF_FIELD = "csrf_token"
DEVELOPMENT = "development"
"""The client that requests without a key have where none is needed."""

KEY = HTTPBearer(
    scheme_name="key", description="An API key; not needed without AUTH=1.", auto_error=False
)
"""Says in the contract what `caller` reads."""

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""Change nothing, so a browser may be led to them from anywhere."""

_LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
_ROLE_SCOPES = {
    Role.VIEWER: {Scope.READ},
    Role.MODERATOR: {Scope.READ, Scope.DETECT, Scope.FEEDBACK, Scope.REPORT, Scope.EXPORT},
    Role.ADMIN: set(Scope),
}


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever is asking."""

    client: str
    """Under which name captures are kept."""
    scopes: frozenset[Scope]
    is_sandbox: bool = False
    account: Account | None = None

    def require(self, scope: Scope) -> None:
        """Raise `NotAllowed` where the caller lacks ``scope``."""
        if scope not in self.scopes:
            raise NotAllowed(f"this needs the scope {scope.value!r}; ask for a key that has it")


def caller(
    request: Request,
    here: Annotated[Runtime, Depends(runtime)],
    _: Annotated[object, Depends(KEY)] = None,
) -> Caller:
    """Who is asking; raises `NotSignedIn`, or `NotAllowed` for a forged cross-site request."""
    token = request.headers.get(CSRF_HEADER, "")
    found = (
        _by_key(request, here)
        or _by_session(request, here, token)
        or _on_loopback(request, here, "an API key is needed; send Authorization: Bearer KEY")
    )
    return _noted(request, found)


def person(request: Request, here: Runtime, token: str) -> Caller:
    """Who looks at a page, never a key; ``token`` is the CSRF token, of a header or of a form.

    Raises as `caller`.
    """
    found = _by_session(request, here, token) or _on_loopback(
        request, here, "nobody is signed in, or no longer; sign in and try again"
    )
    return _noted(request, found)


def account_name(request: Request, here: Runtime) -> str:
    """As whom a browser's request claims cases and votes; empty where no person asks.

    It lets nobody in: whether the request is allowed, `caller` and `person` say.
    """
    secret = request.cookies.get(SESSION_COOKIE, "")
    if account := here.store.accounts.find_session(secret) if secret else None:
        return account.name
    is_open = not here.settings.auth and "authorization" not in request.headers
    return f"key:{DEVELOPMENT}" if is_open else ""


def allowed(scope: Scope, *, in_sandbox: bool = False) -> Callable[..., Caller]:
    """A dependency that gives the caller, who must have ``scope``.

    Sandbox keys reach only what says ``in_sandbox``, and so neither read nor change what is kept.
    """

    def check(found: Annotated[Caller, Depends(caller)]) -> Caller:
        found.require(scope)
        if found.is_sandbox and not in_sandbox:
            raise NotAllowed("this is not in the sandbox; use a key that is not a sandbox key")
        return found

    return check


def csrf_token(session: str) -> str:
    """The token that a page of this session sends back; of no use without the session's cookie."""
    return hmac.new(session.encode(), b"assay csrf v1", hashlib.sha256).hexdigest()


def has_csrf_token(session: str, given: str) -> bool:
    """Whether ``given`` is the token of ``session``; compared in constant time."""
    return hmac.compare_digest(csrf_token(session).encode(), given.encode())


def _noted(request: Request, found: Caller) -> Caller:
    """``found``, whose name the log of requests will show."""
    request.scope.setdefault("state", {})["client"] = found.client
    return found


def _by_key(request: Request, here: Runtime) -> Caller | None:
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if not scheme:
        return None
    key = here.keys.find(secret.strip()) if scheme.lower() == "bearer" else None
    if key is None:
        raise NotSignedIn("the API key is unknown or revoked; send Authorization: Bearer KEY")
    return Caller(key.client, key.scopes, key.is_sandbox)


def _by_session(request: Request, here: Runtime, token: str) -> Caller | None:
    secret = request.cookies.get(SESSION_COOKIE, "")
    account = here.store.accounts.find_session(secret) if secret else None
    if account is None:
        return None
    _refuse_foreign_pages(request)
    if request.method not in SAFE_METHODS and not has_csrf_token(secret, token):
        raise NotAllowed(f"a session needs the header {CSRF_HEADER}; reload the page")
    return Caller(f"console:{account.name}", frozenset(_ROLE_SCOPES[account.role]), account=account)


def _on_loopback(request: Request, here: Runtime, otherwise: str) -> Caller:
    if here.settings.auth:
        raise NotSignedIn(otherwise)
    host = request.url.hostname or ""
    origin = request.headers.get("origin")
    is_foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if host not in _LOOPBACK_HOSTS or is_foreign:
        # A name that leads here, or a page of another site in this machine's browser.
        raise NotAllowed("without AUTH=1 only programs on this machine may ask, by its own name")
    _refuse_foreign_pages(request)
    return Caller(DEVELOPMENT, frozenset(Scope))


def _refuse_foreign_pages(request: Request) -> None:
    """Raise `NotAllowed` for what a page of another site has a browser ask for.

    An `<img>` sends no Origin, and a GET may claim a case: browsers say of such requests where they
    come from. Following a link to a page of ours is what links are for; the API is nobody's page.
    """
    is_foreign = request.headers.get("sec-fetch-site") in ("cross-site", "same-site")
    is_link = request.headers.get("sec-fetch-mode") == "navigate" and not _is_api(request)
    if is_foreign and not (is_link and request.method in SAFE_METHODS):
        raise NotAllowed("this was asked for by a page of another site; open it here")


def _is_api(request: Request) -> bool:
    return request.url.path.startswith("/v1/")
