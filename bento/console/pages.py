"""What all pages of the console share: who looks at them, their frame, and how errors look."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

from assay.errors import AssayError
from assay.store import Account, Role
from bento.api import auth
from bento.api.detections import Here as Here
from bento.console.rendering import render
from bento.refusals import NotAllowed
from bento.runtime import Runtime

SIGN_IN_PAGE = "/sign-in"

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_UNCACHED = {"Cache-Control": "no-store"}
_PASSED_ON = ("retry-after", "allow")
_VISITOR = "visitor"

Handler = Callable[[Request, Any], Response | Awaitable[Response]]
"""Answers an error, in Starlette's type for it."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whoever looks at a page."""

    who: str
    """Under which name votes and claims are kept, as the API keeps them."""
    name: str
    """As others read it."""
    role: Role
    csrf: str
    """Goes with everything that changes something; empty where no key is needed."""
    account: Account | None = None
    """None for whoever asks from this machine, where the service runs without AUTH."""

    def may(self, needed: Role) -> bool:
        """Whether this visitor may do what ``needed`` may."""
        return self.role.allows(needed)


async def visitor(request: Request, here: Here) -> Visitor:
    """Who looks at this page; raises `NotSignedIn`, or `NotAllowed` for a forged request."""
    token = request.headers.get(auth.CSRF_HEADER, "") or await _posted_token(request)
    asking = await asyncio.to_thread(auth.person, request, here, token)
    found = _visitor(asking, request.cookies.get(auth.SESSION_COOKIE, ""))
    request.scope["state"][_VISITOR] = found
    return found


def at_least(needed: Role) -> Callable[..., Visitor]:
    """A dependency that gives the visitor, who must have the role ``needed``."""

    def check(found: Annotated[Visitor, Depends(visitor)]) -> Visitor:
        if not found.may(needed):
            raise NotAllowed(f"this needs the role {needed.value}; you are {found.role.value}")
        return found

    return check


Looking = Annotated[Visitor, Depends(visitor)]
"""Anybody who is signed in."""
Deciding = Annotated[Visitor, Depends(at_least(Role.MODERATOR))]
"""Whoever may vote."""
Administering = Annotated[Visitor, Depends(at_least(Role.ADMIN))]
"""Whoever may change accounts and keys."""


def page(
    here: Runtime, found: Visitor | None, template: str, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page that ``template`` makes of ``values``, in the frame of whoever looks at it."""
    return HTMLResponse(render(template, **frame(here, found), **values), status, _UNCACHED)


def fragment(template: str, **values: Any) -> HTMLResponse:
    """A part of a page, for scripts to put where it belongs."""
    return HTMLResponse(render(template, **values), headers=_UNCACHED)


def frame(here: Runtime, found: Visitor | None) -> dict[str, Any]:
    """What base.html expects; reads the database where the visitor may review."""
    may_review = found is not None and found.may(Role.MODERATOR)
    return _frame(found, here.store.review.backlog() if may_review else None)


def install_errors(app: FastAPI) -> None:
    """Let people read errors as pages; what answers them as JSON is installed before."""
    for kind in (AssayError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _for_people(app.exception_handlers[kind]))


def is_navigation(request: Request) -> bool:
    """Whether a browser goes to a page, rather than one of our scripts fetching something."""
    accepts_page = "text/html" in request.headers.get("accept", "")
    is_script = "hx-request" in request.headers or request.url.path.startswith("/v1/")
    return accepts_page and not is_script


def local_path(target: str) -> str:
    r"""``target`` if it leads to a page of this service, else ``/``.

    Browsers take ``//host`` and ``/\host`` for other servers, and drop control characters first.
    """
    is_plain = target.isascii() and target.isprintable() and "\\" not in target
    if not is_plain or not target.startswith("/") or target.startswith("//"):
        return "/"
    return target


def is_own_page(request: Request, here: Runtime) -> bool:
    """Whether a request was sent by a page of ours, as far as browsers say so."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = request.headers.get("origin")
    ours = (request.headers.get("host"), urlsplit(here.settings.public_url).netloc)
    return origin is None or urlsplit(origin).netloc in ours


def sign_in_address(request: Request) -> str:
    """Where to sign in, and come back from if this was no form."""
    if request.method not in auth.SAFE_METHODS:
        return SIGN_IN_PAGE
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{SIGN_IN_PAGE}?next={quote(request.url.path + query, safe='/')}"


def _visitor(asking: auth.Caller, session: str) -> Visitor:
    account = asking.account
    if account is None:
        return Visitor(f"key:{asking.client}", asking.client, Role.ADMIN, "")
    return Visitor(account.name, account.name, account.role, auth.csrf_token(session), account)


async def _posted_token(request: Request) -> str:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.method in auth.SAFE_METHODS or kind not in _FORMS:
        return ""
    token = (await request.form()).get(auth.CSRF_FIELD, "")
    return token if isinstance(token, str) else ""


def _for_people(handler: Handler) -> Handler:
    """Say what ``handler`` says of an error with a page, where a browser navigates to one of ours.

    Strangers are sent to sign in. Scripts, and all of /v1, get the JSON of the contract.
    """

    async def handled(request: Request, error: Exception) -> Response:
        answered = handler(request, error)
        answer = answered if isinstance(answered, Response) else await answered
        if not is_navigation(request):
            return answer
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            return RedirectResponse(sign_in_address(request), HTTPStatus.SEE_OTHER, _UNCACHED)
        return _problem(request, answer)

    return handled


def _problem(request: Request, answer: Response) -> HTMLResponse:
    found: Visitor | None = request.scope["state"].get(_VISITOR)
    frame = _frame(found, backlog=None)  # the database may be what is missing
    told = json.loads(bytes(answer.body))
    html = render("error.html", **frame, **told, status=answer.status_code)
    kept = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
    return HTMLResponse(html, answer.status_code, {**_UNCACHED, **kept})


def _frame(found: Visitor | None, backlog: int | None) -> dict[str, Any]:
    return {"viewer": found, "csrf": "" if found is None else found.csrf, "backlog": backlog}
