"""Every error as a status, a code and one sentence; nothing else of the server's insides leaves it.

A code is the error's class name in snake case, so that clients can tell errors apart without
reading sentences.
"""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from assay import errors
from bento import refusals
from bento.api import requests
from bento.refusals import code_of

STATUS: dict[type[errors.AssayError], int] = {
    errors.UnknownPlugin: 422,
    errors.UnreadableImage: 422,
    errors.ImageTooLarge: 413,
    errors.SchemaViolation: 422,
    errors.SplitLeakage: 500,
    errors.ShortcutFound: 500,
    errors.UnsafeArchive: 422,
    errors.UnreadableCase: 422,
    errors.CheckpointMismatch: 503,
    errors.UnparseableAnswer: 500,
    errors.NoChampion: 503,
    errors.PlanMismatch: 503,
    errors.SourceUnavailable: 502,
    errors.RateLimited: 429,
    errors.ForbiddenAddress: 400,
    errors.NotStored: 404,
    errors.NotCaptured: 404,
    errors.StoreUnavailable: 503,
    errors.IdempotencyConflict: 409,
    errors.NotYourCase: 409,
    errors.TooManyReports: 429,
    errors.WorkerLost: 503,
    errors.RolloutFailed: 503,
    refusals.Overloaded: 429,
    refusals.DeadlineExceeded: 504,
    refusals.NotSignedIn: 401,
    refusals.NotAllowed: 403,
    refusals.InvalidRequest: 400,
    refusals.BodyTooLarge: 413,
    refusals.BodyTooSlow: 408,
    refusals.TooMuchHeld: 429,
    refusals.TooManyImages: 413,
    refusals.NotEndedYet: 409,
    refusals.ModelNotServed: 409,
    refusals.NotKept: 404,
    refusals.VerdictHidden: 409,
    refusals.NothingToShow: 404,
    refusals.NotDecided: 409,
    refusals.NotSiblings: 404,
    refusals.LinkExpired: 403,
    refusals.TooManyAttempts: 429,
    refusals.ShuttingDown: 503,
    # What the leaves above derive from, for errors that are raised as such.
    errors.ConfigError: 422,
    errors.DataError: 422,
    errors.ModelError: 503,
    errors.SourceError: 502,
    errors.StorageError: 503,
    refusals.RequestRefused: 400,
    errors.AssayError: 500,
}
"""The most specific class counts; a test asserts that no leaf is missing."""

_RETRY = {429: 30, 503: 5, 504: 5}
"""Seconds after which another try makes sense, where the error does not know better."""

_UNSTORED = "what this needs cannot be stored or read at the moment; try again later"

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Answer every error of ``app`` with the one body that the contract names."""
    app.add_exception_handler(errors.AssayError, _expected)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: errors.AssayError) -> int:
    """The status that an error is answered with."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def body(request: Request, code: str, sentence: str) -> dict[str, str]:
    """The one body of every error."""
    return {"error": sentence, "code": code, "request_id": requests.request_id(request)}


def response(request: Request, error: errors.AssayError) -> JSONResponse:
    """The answer to a request that failed with ``error``."""
    status = status_of(error)
    if status >= 500:
        logger.warning("%s: %s", type(error).__name__, error)
    headers: dict[str, str] = {}
    if seconds := getattr(error, "retry_after", _RETRY.get(status)):
        headers["Retry-After"] = str(seconds)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    content = body(request, code_of(type(error).__name__), _told(error, status))
    return JSONResponse(content, status, headers)


def _told(error: errors.AssayError, status: int) -> str:
    """What a client reads; where our storage fails, the log names the folder, host and user."""
    is_ours = isinstance(error, errors.StorageError) and status >= 500
    return _UNSTORED if is_ours else str(error)


def _expected(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.AssayError)  # noqa: S101 (registered for these)
    return response(request, error)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 (registered for these)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    more = f" (and {len(error.errors()) - 1} more)" if len(error.errors()) > 1 else ""
    sentence = f"{where or 'body'}: {first['msg']}{more}"
    return JSONResponse(body(request, "invalid_request", sentence), 422)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 (registered for these)
    if isinstance(error.__cause__, errors.AssayError):
        # FastAPI takes all that ends the reading of a body for a mistake in it.
        return response(request, error.__cause__)
    code = {404: "no_such_route", 405: "method_not_allowed"}.get(error.status_code, "refused")
    return JSONResponse(body(request, code, str(error.detail)), error.status_code, error.headers)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    logger.error("unexpected error", exc_info=error)
    sentence = "something went wrong on our side; the request id names it in the server's log"
    return JSONResponse(body(request, "internal_error", sentence), 500)
