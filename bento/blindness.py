"""Audits are judged blind: until the vote, no address here tells their holder the verdict.

Only votes that nobody's verdict has swayed can say how often people and the model agree. What
hides an audit is that somebody has it in hand (`Review.blind`), so `guard` stands before every
route that names a capture: a route that is added tells nothing unless it is let through here.
Lists and tables leave out, or blacken, what `Review.blind` names.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Request

from assay.errors import StoreUnavailable
from assay.store import Capture, Store
from assay.store.ids import is_id
from bento.api import auth
from bento.refusals import VerdictHidden
from bento.runtime import Runtime, runtime

_OPEN = ("/image", "/thumbnail.jpg", "/report", "/appeal")
"""What may be asked of any capture: these tell nothing of its verdict."""


def is_blind_for(store: Store, capture: Capture, account: str) -> bool:
    """Whether ``account`` (as whom one votes) holds this image as an audit that is not decided."""
    return capture.pixel_digest in _held(store, account)


async def guard(request: Request, here: Annotated[Runtime, Depends(runtime)]) -> None:
    """Raise `VerdictHidden` where the path names a capture that its visitor has to judge blind."""
    named = [value for value in request.path_params.values() if is_id(str(value))]
    if named and not request.url.path.endswith(_OPEN):
        await asyncio.to_thread(_refuse_blind, request, here, named)


def refuse_blind(request: Request, here: Runtime, capture: Capture) -> None:
    """Raise `VerdictHidden` where the holder of an audit sends its image again, to be told.

    A program's upload is always answered: it is people with a session who are asked to judge.
    Reads the database; while it does not answer, nobody holds anything that could be decided.
    """
    if auth.SESSION_COOKIE not in request.cookies:
        return
    _refuse(capture.pixel_digest in _hidden(request, here))


def _refuse_blind(request: Request, here: Runtime, named: list[str]) -> None:
    if hidden := _hidden(request, here):
        captures = (here.store.captures.find(capture_id) for capture_id in named)
        _refuse(any(one is not None and one.pixel_digest in hidden for one in captures))


def _hidden(request: Request, here: Runtime) -> frozenset[str]:
    account = auth.account_name(request, here)
    return _held(here.store, account) if account else frozenset()


def _refuse(is_hidden: bool) -> None:
    if is_hidden:
        raise VerdictHidden("you are to judge this image without the model; decide it first")


def _held(store: Store, account: str) -> frozenset[str]:
    """Pixel digests of the audits that ``account`` has in hand.

    None while the database does not answer: what can be told then is spooled, and in no case yet.
    """
    try:
        return store.review.blind(account)
    except StoreUnavailable:
        return frozenset()
