"""Pages of the console: HTML from the templates beside this file, every value escaped.

Each template says at its head which values it expects. No page carries a script, a style or an
event handler of its own, so that the content security policy can refuse all of them.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from assay import prompts
from assay.reports.page import environment, percent
from bento.console.assets import static_url

TEMPLATES = Path(__file__).parent / "templates"

HEADLINES = {
    "authentic": "No manipulation found",
    "manipulated": "Signs of manipulation",
    "synthesized": "Signs of a generated image",
}
"""A verdict in plain words, by label. An image is never called true or fake."""
LABELS = prompts.VERDICT_WORDS | {"unsure": "Unsure"}
"""What a person may say of an image, by label."""
NOT_CHECKED = "Captions and context are not checked: a real photograph can still mislead."
"""Stands by every verdict."""
VIEWS = {
    "original": ("Original", "/v1/detections/{}/image"),
    "heatmap": ("Heatmap", "/v1/detections/{}/heatmap.png"),
    "residual": ("Residual", "/v1/detections/{}/residual.png"),
    "error_level": ("Error level", "/v1/detections/{}/error-level.png"),
}
"""The pictures of a detection: name and address by view."""

PERTURBED = {
    "jpeg 70": "recompressed",
    "resize 0.5": "at half its size",
    "screenshot jpeg": "as a screenshot",
}
"""What was done to an image whose stability was checked, by `assay.stability.NAMES`."""

_STEPS = ((60, "second"), (60, "minute"), (24, "hour"), (30, "day"), (12, "month"))
_RAREST = 0.001


def render(template: str, **values: Any) -> str:
    """The HTML that ``template`` (a path below `TEMPLATES`) makes of ``values``.

    Raises ``jinja2.UndefinedError`` for a value that the template names and ``values`` lacks.
    """
    return _environment().get_template(template).render(**values)


def ago(moment: datetime | str, now: datetime | None = None) -> Markup:
    """A ``<time>`` that reads "3 minutes ago", with the exact time (UTC) in its title.

    ``moment`` is aware, or ISO 8601 with an offset; what lies ahead reads "just now".
    """
    then = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    elapsed = ((now or datetime.now(UTC)) - then).total_seconds()
    return Markup('<time datetime="{}" title="{:%Y-%m-%d %H:%M:%S} UTC">{}</time>').format(
        then.isoformat(), then.astimezone(UTC), _in_words(elapsed)
    )


def rarity(null_rate: float) -> str:
    """A false-alarm rate as people count it: "1 in 32 authentic images measures as high"."""
    if null_rate >= 0.5:
        return "most authentic images measure as high"
    if null_rate < _RAREST:
        return f"fewer than 1 in {round(1 / _RAREST)} authentic images measures as high"
    return f"1 in {round(1 / null_rate)} authentic images measures as high"


def strength(null_rate: float) -> float:
    """The length of a bar for a false-alarm rate, 0..1: one third for each power of ten."""
    return min(1.0, -math.log10(max(null_rate, _RAREST)) / -math.log10(_RAREST))


def view_url(detection_id: str, view: str) -> str:
    """The address of a picture of `VIEWS`."""
    return VIEWS[view][1].format(quote(detection_id, safe=""))


def coordinate(share: float) -> str:
    """A share as a length of an SVG: ``12.5%``; attributes need no style."""
    return f"{100 * min(max(share, 0.0), 1.0):.2f}%"


def _in_words(seconds: float) -> str:
    if seconds < 5:
        return "just now"
    count = seconds
    for size, unit in _STEPS:
        if count < size:
            return _counted(int(count), unit)
        count /= size
    return _counted(int(count), "year")


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'} ago"


@cache
def _environment() -> Environment:
    made = environment(TEMPLATES)
    filters = (percent, ago, rarity, strength, coordinate)
    made.filters |= {each.__name__: each for each in filters}
    made.filters |= {"level": prompts.level, "rate_words": prompts.rate_words}
    made.globals |= {
        "HEADLINES": HEADLINES,
        "LABELS": LABELS,
        "NOT_CHECKED": NOT_CHECKED,
        "PERTURBED": PERTURBED,
        "VIEWS": VIEWS,
        "static_url": static_url,
        "view_url": view_url,
    }
    return made
