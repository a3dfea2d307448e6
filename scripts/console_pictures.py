"""The README's pictures of the console, taken from a service of its own over the champion."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import home, images
from assay.sources import photos

if TYPE_CHECKING:
    from playwright.sync_api import Page

EXAMPLE = home.REPOSITORY / "docs" / "pictures" / "example.jpg"
PORT = 3917
UPLOADS = 8
"""Bundled photographs beside the example, so that lists are no single line."""
_PATIENCE = 120_000
"""Milliseconds for an answer on a busy machine."""
_LINK = re.compile(r"http://\S+/sign-in/\S+")


def take(page: Page, model: Path, picture: Any) -> None:
    """Visit every page of the console over ``model``; ``picture(page, name)`` keeps each."""
    with tempfile.TemporaryDirectory() as scratch, _service(model, Path(scratch)) as link:
        base = link.partition("/sign-in/")[0]
        page.goto(link)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{base}/**")
        _check(page, base, picture)
        page.goto(f"{base}/demo")
        page.get_by_role("button", name="Make the posts").click()
        page.locator("article").nth(2).wait_for(timeout=_PATIENCE)
        page.locator("article").nth(2).scroll_into_view_if_needed()
        page.wait_for_timeout(1500)  # frames of the notices paint after the page
        picture(page, "console_demo")
        _review(page, base, picture)
        for name in ("history", "overview"):
            page.goto(f"{base}/{name}")
            picture(page, f"console_{name}")


@contextmanager
def _service(model: Path, folder: Path) -> Iterator[str]:
    """A service with an empty state; the link that signs in."""
    variables = {"ASSAY_HOME": str(folder), "ASSAY_MODEL": str(model), "PORT": str(PORT)}
    command = [sys.executable, home.REPOSITORY / "scripts" / "serve.py"]
    environment = {**os.environ, **variables}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    ) as process:
        try:
            lines = (_LINK.search(line) for line in process.stdout or ())
            yield next(found.group() for found in lines if found)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()


def _check(page: Page, base: str, picture: Any) -> None:
    """The example last, as that is what is shown; its heatmap over it."""
    page.goto(f"{base}/")
    files = [{"name": f"{n}.jpg", "mimeType": "image/jpeg", "buffer": b} for n, b in _photographs()]
    field = page.locator("input[type=file]")
    field.set_input_files(files)
    page.get_by_role("tab", name="Heatmap").nth(UPLOADS - 1).wait_for(timeout=_PATIENCE)
    page.goto(f"{base}/")
    field.set_input_files(EXAMPLE)
    page.get_by_role("tab", name="Heatmap").click(timeout=_PATIENCE)
    page.wait_for_timeout(1500)  # the overlay is drawn on demand
    picture(page, "console_check")


def _photographs() -> Iterator[tuple[str, bytes]]:
    for number, sample in enumerate(photos.Photos().fetch()):
        if number == UPLOADS:
            return
        pixels = images.decode(sample.image).pixels[:480, :640]
        yield sample.image_id.replace("/", "_"), images.encode_jpeg(pixels, 90)


def _review(page: Page, base: str, picture: Any) -> None:
    """A case with its image revealed and a label chosen."""
    page.goto(f"{base}/review")
    page.get_by_role("button", name="Show image").first.click(timeout=_PATIENCE)
    page.wait_for_timeout(500)
    page.keyboard.press("m")
    page.wait_for_timeout(300)
    picture(page, "console_review")
