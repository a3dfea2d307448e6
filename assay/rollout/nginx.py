"""The configuration of the reverse proxy before the slots: pure text, from typed values.

nginx reads it once. What changes during a rollout are files in the folder `SWITCH`, which the
configuration looks for at each request: whether `GREEN` answers, whether answers are `OBSERVED`,
and which hundredths of the requests the challenger answers (`CANARY`/N) or is shown (`COPIED`/N).
A reload would do it too, but nginx closes idle connections then, at the very moment at which a
client may send its next request over one (docs/decisions/0076-rollout.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from string import Template

SWITCH = "switch"
GREEN, OBSERVED, CANARY, COPIED = "green", "observed", "canary", "copied"
"""What may lie in `SWITCH`."""
BUCKETS = 100
"""Parts that requests are split into; a share is a number of them."""
ANSWERS_LOG = "logs/answers.log"
"""One JSON object an observed answer, below nginx's folder."""

COPY_HEADER = "Assay-Copy"
"""Marks a copy of a request, which leaves no trace; its value is the secret of this supervisor."""
COPY_ID_HEADER = "Assay-Copy-Id"
"""Which request it is a copy of."""
VERDICT_HEADER = "Assay-Verdict"
"""Of an answer: its label and score, so that a proxy can compare without reading bodies."""

_REFUSALS = (
    ("400 414 494 501", 400, "invalid_http",
     "this is no HTTP/1.1, or its headers are too long; correct the request"),
    ("405", 405, "method_not_allowed", "this method is not answered here"),
    ("408", 408, "body_too_slow", "the body comes in too slowly; send it again"),
    ("413", 413, "body_too_large", "the body is too large; send a smaller one"),
    ("500 502 504", 503, "not_serving",
     "the service is starting or does not answer; try again in a few seconds"),
)  # fmt: skip
"""What nginx answers itself: for which of its statuses, with which one, code and sentence."""
_MORE: dict[int, str] = {
    # It refuses TRACE and CONNECT, whatever the route; a 405 names methods (RFC 9110, 15.5.6).
    HTTPStatus.METHOD_NOT_ALLOWED: 'add_header Allow "GET, HEAD, POST, PATCH, DELETE" always;',
    HTTPStatus.SERVICE_UNAVAILABLE: "add_header Retry-After 5 always;",
}

_DOWNLOAD = 600
"""Seconds between two parts of an answer, as long as the service itself allows one."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the proxy listens on, and what stands behind it."""

    host: str
    port: int
    blue: int
    green: int
    """Ports of the slots, on loopback."""
    relay: str
    """Path of the Unix socket that takes copies."""
    patience: float
    """Seconds after which an observed answer is given up: longer than the service's deadline."""
    largest: int
    """Bytes of the largest observed request."""
    connections: int = 1024
    user: str = ""
    """Whom workers run as; needed where nginx is started by root."""


def configuration(site: Site) -> str:
    """The whole configuration; every path in it is relative to nginx's working folder."""
    text = Path(__file__).with_suffix(".conf").read_text(encoding="utf-8")
    return _Template(text).substitute(
        user=f"user {site.user};" if site.user else "",
        connections=site.connections,
        listen=f"[{site.host}]:{site.port}" if ":" in site.host else f"{site.host}:{site.port}",
        blue=site.blue,
        green=site.green,
        relay=site.relay,
        buckets="\n        ".join(f"1% {bucket};" for bucket in range(BUCKETS - 1)),
        last_bucket=BUCKETS - 1,
        patience=f"{1000 * site.patience:.0f}ms",
        largest=site.largest,
        download=_DOWNLOAD,
        log=ANSWERS_LOG,
        switch=SWITCH,
        is_green=GREEN,
        observed=OBSERVED,
        canary=CANARY,
        copied=COPIED,
        copy=COPY_HEADER,
        copy_id=COPY_ID_HEADER,
        verdict=VERDICT_HEADER,
        verdict_variable=VERDICT_HEADER.lower().replace("-", "_"),
        refusals="\n        ".join(map(_refusal, _REFUSALS)),
    )


def _refusal(refusal: tuple[str, int, str, str]) -> str:
    when, status, code, sentence = refusal
    body = f'{{"error":"{sentence}","code":"{code}","request_id":"$request_id"}}'
    kind = "default_type application/json;"
    more = _MORE.get(status, "")
    answer = f"internal; {kind} {more} return {status} '{body}';"
    # Not a named location: what has no address, such as half a request line, reaches none.
    return f"error_page {when} = /-/{code};\n        location = /-/{code} {{ {answer} }}"


class _Template(Template):
    delimiter = "@"
    """nginx has its own use for the dollar sign."""
