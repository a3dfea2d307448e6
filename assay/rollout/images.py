"""Container images of releases: built from infra/container/Containerfile around the built bento."""

from __future__ import annotations

from assay import home
from assay.release import Release
from assay.rollout.tools import Tool

CONTAINERFILE = "infra/container/Containerfile"
_BUILD_SECONDS = 3600.0
"""A first build installs torch."""


def build(engine: str, release: Release, *names: str) -> None:
    """Build the service's image under ``names``; raises `RolloutFailed`.

    Its label ``org.opencontainers.image.version`` is the release's name, ``revision`` the commit.
    """
    words = ["build", "--file", CONTAINERFILE, "--target", "service"]
    words += ["--build-context", f"bento={release.bento}"]
    words += ["--build-arg", f"RELEASE={release.name}"]
    words += ["--build-arg", f"REVISION={release.git_commit or 'unknown'}"]
    for name in names:
        words += ["--tag", name]
    Tool((engine,), home.REPOSITORY)(*words, ".", timeout=_BUILD_SECONDS)


def push(engine: str, name: str) -> None:
    """Send an image to the registry that its name begins with; raises `RolloutFailed`."""
    Tool((engine,))("push", name, timeout=_BUILD_SECONDS)
