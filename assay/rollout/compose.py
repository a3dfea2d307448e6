"""The compose system of infra/compose, through its engine: the challenger is one more service.

The entry's nginx gives requests to it by their random identifier. All state is the engine's: the
tags ``local`` (what answers), ``previous`` and ``challenger`` of the service's image. Two limits:
no request is copied, so nothing is compared and there is no shadow; and there is no lease, so that
a share stays with the challenger of a deployment that was killed until the next command that
deploys takes it back, or the entry starts anew.

Nothing of this has run on an engine: tests check the commands, and the share with a real nginx.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from assay import home
from assay.errors import RolloutFailed
from assay.release import Release
from assay.rollout import images
from assay.rollout.observed import Observer
from assay.rollout.prometheus import Sides
from assay.rollout.target import Mode, Observation, Target
from assay.rollout.tools import Tool
from assay.settings import Settings

FOLDER = home.REPOSITORY / "infra/compose"
FILES = ("compose.yaml", "compose.rollout.yaml")
IMAGE, ACTIVE, PREVIOUS, CHALLENGER = "assay/service", "local", "previous", "challenger"
"""An image, and its tags; the last is a service too."""
PARTS = ("api", "console")
SHARE_FILE = "/tmp/share.conf"  # noqa: S108 - of the entry's container, which writes nowhere else
_VERSION = '{{index .Config.Labels "org.opencontainers.image.version"}}'
_UNNAMED = ("", "local", "unknown")


class ComposeSettings(Settings):
    """Which engine, and how long it is waited for."""

    engine: Literal["docker", "podman"] = "docker"
    """Its ``compose`` is used: the plugin of Docker, or what ``podman compose`` finds."""
    prometheus_url: str = "http://127.0.0.1:9090"
    """Of the profile ``monitoring``."""
    patience: float = Field(300.0, gt=0)
    """Seconds for containers to become healthy."""


class ComposeTarget(Target):
    """The services ``api`` and ``console`` behind the entry."""

    name = "compose"
    compares = False

    def __init__(self, settings: ComposeSettings) -> None:
        self._settings = settings
        files = [word for file in FILES for word in ("--file", file)]
        words = (settings.engine, "compose", *files)
        self._engine = Tool((settings.engine,))
        self._compose = Tool(words, FOLDER, {"ASSAY_RELEASE": ACTIVE})
        sides = Sides({"component": "api"}, {"component": CHALLENGER})
        self._observer = Observer(settings.prometheus_url, sides)

    def active(self) -> str | None:
        """As the image of the running ``api`` is labelled."""
        container = self._container("api")
        return self._revision(container) if container else None

    def start(self, release: Release) -> None:
        """Build the image, and start the challenger until it is healthy."""
        if not self._container("api"):
            raise RolloutFailed("the compose system is not up; first: docker compose up --wait")
        images.build(self._settings.engine, release, _tag(release.name), _tag(CHALLENGER))
        self._bring_up_challenger()

    def share(self, share: float, mode: Mode) -> None:
        """Tell the entry; the same share again changes nothing."""
        if self._observer.is_new(share, mode):
            self._divert(share)
            self._observer.begin(share, mode)

    def observe(self) -> Observation:
        """What Prometheus has collected since; raises `RolloutFailed` without the container."""
        if not self._container(CHALLENGER):
            raise RolloutFailed("the challenger's container has ended")
        return self._observer.observation()

    def promote(self) -> None:
        """Replace both parts while the challenger answers everything, then end it.

        Where that fails, they are what they were.
        """
        self._observer.end()
        self._divert(1.0)
        self._engine("tag", _tag(ACTIVE), _tag(PREVIOUS))
        self._engine("tag", _tag(CHALLENGER), _tag(ACTIVE))
        try:
            self._up(*PARTS)
        except RolloutFailed:
            self._engine("tag", _tag(PREVIOUS), _tag(ACTIVE))
            self._up(*PARTS)
            self.abandon()
            raise
        self.abandon()

    def abandon(self) -> None:
        """Take the challenger's share and end it; where there is none, nothing changes."""
        self._observer.end()
        if self._container("entry"):
            self._divert(0.0)
        self._compose("rm", "--stop", "--force", CHALLENGER)

    def roll_back(self) -> str:
        """Bring the image before up as challenger, which answers at once, then replace the parts.

        What answered until now is the one before afterwards.
        """
        try:
            name = self._revision(_tag(PREVIOUS), kind="image")
        except RolloutFailed as error:
            raise RolloutFailed("nothing was deployed with compose before") from error
        self._engine("tag", _tag(PREVIOUS), _tag(CHALLENGER))
        self._bring_up_challenger()
        self.promote()
        return name or ""

    def _bring_up_challenger(self) -> None:
        try:
            self._up(CHALLENGER)
        except RolloutFailed:
            self.abandon()
            raise

    def _up(self, *services: str) -> None:
        """Start or replace ``services`` alone, and wait until they are healthy."""
        seconds = self._settings.patience
        words = "up", "--detach", "--no-deps", "--no-build", "--wait"
        waiting = "--wait-timeout", f"{seconds:.0f}"
        self._compose(*words, *waiting, *services, timeout=seconds + 120)

    def _divert(self, share: float) -> None:
        """Let nginx give the challenger its share; requests under way end where they began."""
        self._compose("exec", "-T", "entry", "tee", SHARE_FILE, given=share_conf(share))
        self._compose("exec", "-T", "entry", "nginx", "-s", "reload")

    def _container(self, service: str) -> str:
        """One container of a service that runs, or nothing."""
        printed = self._compose("ps", "--quiet", "--status", "running", service)
        return printed.split()[0] if printed.split() else ""

    def _revision(self, what: str, kind: str = "container") -> str | None:
        words = "inspect", "--type", kind, "--format", _VERSION, what
        name = self._engine(*words).strip()
        return None if name in _UNNAMED else name


def share_conf(share: float) -> str:
    """The entry's configuration for a share, in steps of 1/256: nothing for none.

    nginx gives each request 32 random hex digits; the first two decide.
    """
    sixteenths, rest = divmod(round(256 * share), 16)
    digits = "0123456789abcdef"
    parts = [f"[{digits[:sixteenths]}]"] if sixteenths else []
    parts += [f"{digits[sixteenths]}[{digits[:rest]}]"] if rest else []
    if not parts:
        return ""
    return f'if ($request_id ~ "^({"|".join(parts)})") {{ set $api http://{CHALLENGER}:3000; }}\n'


def _tag(tag: str) -> str:
    return f"{IMAGE}:{tag}"
