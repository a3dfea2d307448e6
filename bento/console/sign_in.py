"""Signing in by a link that works once, and signing out.

Looking at the link does not use it up, as programs that preview links look too: a button does.
"""

from __future__ import annotations

import re
import time
from collections import OrderedDict, deque
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from bento.api.auth import SESSION_COOKIE
from bento.console.pages import SIGN_IN_PAGE, Here, is_own_page, local_path, page, visitor
from bento.refusals import NotAllowed, TooManyAttempts
from bento.runtime import Runtime

COMMAND = "python -m assay accounts link NAME"
"""Makes a link."""

_SECRET = re.compile(r"[A-Za-z0-9_-]{20,128}")
_FAILURES, _WINDOW, _HOSTS = 10, 900.0, 10_000
_NO_GOOD = "This link was used before, is over, or never was one."

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Query(max_length=2000)]


class Failures:
    """Counts by host, over a quarter of an hour, links that were no good.

    They hold 256 random bits and cannot be guessed: this keeps the database, and the log, from
    those who try.
    """

    def __init__(self) -> None:
        self._by_host: OrderedDict[str, deque[float]] = OrderedDict()

    def refuse_more(self, host: str) -> None:
        """Raise `TooManyAttempts` where ``host`` has failed too often."""
        recent = self._recent(host)
        if len(recent) >= _FAILURES:
            raise TooManyAttempts(round(recent[0] + _WINDOW - time.monotonic()) + 1)

    def add(self, host: str) -> None:
        """Count one, and forget the host that was quiet for longest beyond 10 000 of them."""
        self._by_host[host] = self._recent(host)
        self._by_host[host].append(time.monotonic())
        self._by_host.move_to_end(host)
        if len(self._by_host) > _HOSTS:
            self._by_host.popitem(last=False)

    def _recent(self, host: str) -> deque[float]:
        since = time.monotonic() - _WINDOW
        return deque((at for at in self._by_host.get(host, ()) if at > since), maxlen=_FAILURES)


@router.get(SIGN_IN_PAGE)
def get_sign_in(here: Here, next: Next = "/") -> HTMLResponse:  # noqa: A002 (the query's word)
    """The page to paste a link on."""
    return _page(here, next)


@router.get(SIGN_IN_PAGE + "/{secret}")
def get_link(here: Here, secret: str) -> HTMLResponse:
    """What opens a link: a page with a button."""
    return _page(here, "/", secret if _SECRET.fullmatch(secret) else "")


@router.post(SIGN_IN_PAGE)
def post_sign_in(
    request: Request,
    here: Here,
    link: Annotated[str, Form(max_length=2000)],
    next: Annotated[str, Form(max_length=2000)] = "/",  # noqa: A002
) -> Response:
    """Sign in by a pasted link, or by its last part."""
    secret = urlsplit(link.strip()).path.rstrip("/").rpartition("/")[2]
    return _signed_in(request, here, secret, next)


@router.post(SIGN_IN_PAGE + "/{secret}")
def post_link(request: Request, here: Here, secret: str) -> Response:
    """Sign in by the link whose button was pressed."""
    return _signed_in(request, here, secret, "/")


@router.post("/sign-out", dependencies=[Depends(visitor)])
def post_sign_out(request: Request, here: Here) -> Response:
    """End the session, here and in the browser."""
    here.store.accounts.sign_out(request.cookies.get(SESSION_COOKIE, ""))
    answer = RedirectResponse(SIGN_IN_PAGE, 303)
    answer.delete_cookie(SESSION_COOKIE, path="/")
    return answer


def _signed_in(request: Request, here: Runtime, secret: str, target: str) -> Response:
    if not is_own_page(request, here):
        # Else a page of somebody else's signs people in as somebody else.
        raise NotAllowed("signing in begins on a page of this service; open the link again")
    failures: Failures = request.app.state.sign_in_failures
    host = request.client.host if request.client else ""
    failures.refuse_more(host)
    session = here.store.accounts.sign_in(secret) if _SECRET.fullmatch(secret) else None
    if session is None:
        failures.add(host)
        return _page(here, target, error=_NO_GOOD, status=403)
    if previous := request.cookies.get(SESSION_COOKIE):
        here.store.accounts.sign_out(previous)
    answer = RedirectResponse(local_path(target), 303)
    answer.set_cookie(
        SESSION_COOKIE,
        session,
        path="/",
        httponly=True,
        samesite="lax",
        secure=urlsplit(here.settings.public_url).scheme == "https",
    )
    return answer


def _page(
    here: Runtime, target: str, secret: str = "", error: str | None = None, status: int = 200
) -> HTMLResponse:
    action = f"{SIGN_IN_PAGE}/{quote(secret, safe='')}" if secret else SIGN_IN_PAGE
    return page(
        here,
        None,
        "sign_in.html",
        status,
        action=action,
        is_link=bool(secret),
        next=local_path(target),
        error=error,
        command=COMMAND,
    )
