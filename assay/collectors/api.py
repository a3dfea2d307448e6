"""How a platform is asked: limits obeyed, failures tried again, tokens kept out of sight.

Every request of every collector goes through `Api.get`, also those of client libraries
(`assay.collectors.sessions`), and so through the checks of `assay.outbound`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from urllib.parse import urlencode

import httpcore2 as httpcore
from pydantic import Field

from assay import addresses, outbound
from assay.addresses import Target, shown
from assay.collectors.limits import Headers, resumes_at
from assay.errors import ConfigError, RateLimited, SourceUnavailable
from assay.fetching import REDIRECTS
from assay.outbound import Deadline, OutboundSettings

_MOST_REDIRECTS = 5
_QUOTED = 200


@dataclass(frozen=True, slots=True)
class Clock:
    """What time it is, and how to wait; tests have their own."""

    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


SYSTEM = Clock()


class ApiSettings(OutboundSettings):
    """How patiently a platform is asked."""

    attempts: int = Field(4, ge=1)
    """For one request, until its failure counts."""
    backoff_seconds: float = Field(1.0, ge=0)
    """Seconds until a failed request is sent again; doubled each time."""
    longest_wait_seconds: float = Field(60.0, ge=0)
    """Seconds to wait for a rate limit; a longer one ends the walk, to be gone on with later."""
    max_bytes: int = Field(16 * 2**20, gt=0)
    """Of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whole."""

    status: int
    headers: Headers
    body: bytes
    url: str

    def json(self) -> Any:
        """The body; `Api.get` has made sure that it is JSON where it was asked to."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Wait:
    """A rate limit that was waited for."""

    host: str
    seconds: float


class Kind(Enum):
    """What an answer means for whoever asked."""

    GOOD = auto()
    LIMITED = auto()
    REFUSED = auto()
    """The token is none, or not for this."""
    FAILING = auto()
    """Another try may succeed."""
    WRONG = auto()
    """No other try would."""


@dataclass
class Api:
    """Requests to one platform, one after the other."""

    base_url: str
    settings: ApiSettings
    clock: Clock = SYSTEM
    token: str = ""
    variable: str = ""
    """The environment variable that ``token`` is from, to name it."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds between two requests, by host: what its robots.txt asks for."""
    waits: list[Wait] = field(default_factory=list)
    """Those there were so far."""
    _free: dict[str, float] = field(default_factory=dict)
    """When a host may be asked again."""

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        accept: tuple[int, ...] = (200,),
        is_json: bool = True,
        redirects: bool = False,
    ) -> Answer:
        """The answer at ``path`` below `base_url`, or at an address where there is none.

        Statuses beside ``accept`` are errors. With ``is_json`` a body that is no JSON, such as
        half of it, counts as a failure and is asked for again. Raises `RateLimited` beyond
        ``settings.longest_wait_seconds``, `ConfigError` where the token is refused,
        `ForbiddenAddress`, and `SourceUnavailable` for all else.
        """
        query = {name: value for name, value in (params or {}).items() if value not in (None, "")}
        url = f"{self.base_url.rstrip('/')}{path}{'?' if query else ''}{urlencode(query)}"
        target = addresses.parse(url, self._ports())
        failure = f"{shown(target.netloc)} was not asked"
        for attempt in range(self.settings.attempts):
            self._wait_for_turn(target.host)
            try:
                answer = self._followed(target, dict(headers or {}), redirects)
            except SourceUnavailable as error:
                failure = str(error)
            else:
                kind = self._judged(answer, accept, is_json)
                self._noted(target.host, answer, kind, attempt)
                if kind is Kind.GOOD:
                    return answer
                failure = self._failure(kind, answer)
                if kind is Kind.LIMITED:
                    continue
            if attempt + 1 < self.settings.attempts:
                self.clock.sleep(self.settings.backoff_seconds * 2**attempt)
        self._wait_for_turn(target.host)
        raise SourceUnavailable(f"{failure} ({self.settings.attempts} attempts)")

    def pause(self, host: str) -> None:
        """Let ``host`` rest from now on for as long as `pauses` says."""
        rested = self.clock.now() + self.pauses.get(host, 0.0)
        self._free[host] = max(self._free.get(host, 0.0), rested)

    def kind(self, answer: Answer) -> Kind:
        """What the status of ``answer`` means; platforms with ways of their own override it."""
        if answer.status == 429:
            return Kind.LIMITED
        if answer.status in (401, 403):
            return Kind.REFUSED
        return Kind.FAILING if answer.status >= 500 or answer.status == 408 else Kind.WRONG

    def said(self, answer: Answer) -> str:
        """What a refusal says of itself, in one short line, without the token."""
        text = answer.body.decode("utf-8", "replace")
        text = text.replace(self.token, "...") if self.token else text
        return shown(" ".join(text.split())[:_QUOTED])

    def _judged(self, answer: Answer, accept: tuple[int, ...], is_json: bool) -> Kind:
        # An accepted status may still be how a platform words its limit.
        if answer.status not in accept or self.kind(answer) is Kind.LIMITED:
            return self.kind(answer)
        return Kind.GOOD if not is_json or _is_json(answer.body) else Kind.FAILING

    def _failure(self, kind: Kind, answer: Answer) -> str:
        """What to say of a failing or limited answer; raises for what no other try would change."""
        who = shown(answer.url.partition("?")[0])
        if kind is Kind.REFUSED:
            remedy = (
                f"set {self.variable} to a valid token" if self.variable else "it is not public"
            )
            raise ConfigError(f"{who} refuses access ({answer.status}); {remedy}")
        if kind is Kind.WRONG:
            raise SourceUnavailable(
                f"{who} answers with status {answer.status}: {self.said(answer)}; "
                "correct the options"
            )
        if answer.status == 200:
            return f"{who} answers with half a page or no JSON"
        return f"{who} answers with status {answer.status}"

    def _ports(self) -> tuple[int, ...]:
        """Those that any server has, and that of the address that was configured."""
        if not self.base_url:
            return self.settings.ports
        own = addresses.parse(self.base_url, range(1, 2**16)).port
        return (*self.settings.ports, own)

    def _wait_for_turn(self, host: str) -> None:
        seconds = self._free.get(host, 0.0) - self.clock.now()
        if seconds <= 0:
            return
        if seconds > self.settings.longest_wait_seconds:
            raise RateLimited(
                f"{shown(host)} is to be asked again in {math.ceil(seconds)} s; run it again then, "
                "or raise `longest_wait_seconds`",
                self._free[host],
            )
        self.waits.append(Wait(host, seconds))
        self.clock.sleep(seconds)

    def _noted(self, host: str, answer: Answer, kind: Kind, attempt: int) -> None:
        """Remember when ``host`` may be asked again."""
        now = self.clock.now()
        free = resumes_at(answer.headers, now)
        if kind is Kind.LIMITED:  # also where what is said lies in the past
            free = max(free or 0.0, now + self.settings.backoff_seconds * 2**attempt)
        self._free[host] = max(free or 0.0, now + self.pauses.get(host, 0.0))

    def _followed(self, target: Target, headers: dict[str, str], redirects: bool) -> Answer:
        for _ in range(_MOST_REDIRECTS + 1):
            answer = self._one(target, headers)
            if answer.status not in REDIRECTS or not redirects:
                return answer
            target = addresses.follow(target, answer.headers.get("location", ""), self._ports())
        raise SourceUnavailable(f"{shown(target.url)} redirects more than {_MOST_REDIRECTS} times")

    def _one(self, target: Target, headers: dict[str, str]) -> Answer:
        sent = {"Accept-Encoding": "identity", **headers}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        deadline = Deadline(self.settings.total_seconds)
        with outbound.request("GET", target, self.settings, deadline, headers=sent) as response:
            told = {name.decode("latin-1").lower(): value for name, value in response.headers}
            body = b"".join(self._counted(target, response))
        headers = {name: value.decode("latin-1") for name, value in told.items()}
        return Answer(response.status, headers, body, target.url)

    def _counted(self, target: Target, response: httpcore.Response) -> Iterator[bytes]:
        size = 0
        for part in response.iter_stream():
            size += len(part)
            if size > self.settings.max_bytes:
                raise SourceUnavailable(
                    f"{shown(target.netloc)} sends over {self.settings.max_bytes / 2**20:.3g} MiB"
                )
            yield part


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True
