"""What sites let robots read (RFC 9309): their robots.txt, asked for once a run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assay.addresses import shown
from assay.collectors.api import Api
from assay.errors import ConfigError, ForbiddenAddress, SourceUnavailable
from assay.outbound import USER_AGENT

if TYPE_CHECKING:
    from protego import Protego

_ANY = tuple(status for status in range(200, 500) if status != 429)
"""That say what is allowed; a site that is asked too often says nothing."""
_MOST_BYTES = 500 * 2**10
"""That are read; no crawler has to read more (2.5)."""
_NOTHING = "User-agent: *\nDisallow: /"


class Robots:
    """The rules of every site that was met; its pace is set in the `Api`."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._rules: dict[str, Protego] = {}

    def refusal(self, url: str) -> str:
        """Why ``url`` is not to be fetched; empty where it may be.

        Raises `ForbiddenAddress` for no web address, and `RateLimited`.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise ForbiddenAddress(f"{shown(url)} is no web address") from error
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin not in self._rules:
            self._rules[origin] = self._read(origin)
            self._pace(parts.hostname or "", self._rules[origin])
        return "" if self._rules[origin].can_fetch(url, USER_AGENT) else "robots.txt disallows it"

    def _read(self, origin: str) -> Protego:
        """All is allowed where there is no file, and nothing where the site fails (2.3.1)."""
        from protego import Protego

        try:
            answer = self._api.get(
                f"{origin}/robots.txt", accept=_ANY, is_json=False, redirects=True
            )
        except (SourceUnavailable, ConfigError):
            return Protego.parse(_NOTHING)
        found = answer.body[:_MOST_BYTES] if answer.status == 200 else b""
        return Protego.parse(found.decode("utf-8", "replace"))

    def _pace(self, host: str, rules: Protego) -> None:
        rate = rules.request_rate(USER_AGENT)
        each = rate.seconds / rate.requests if rate and rate.requests else 0.0
        seconds = max(float(rules.crawl_delay(USER_AGENT) or 0.0), each)
        self._api.pauses[host] = max(seconds, self._api.pauses.get(host, 0.0))
        self._api.pause(host)
