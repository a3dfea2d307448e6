"""Pages: self-contained HTML from the templates beside this file, every value escaped.

A page loads nothing (no script, no font, no picture from elsewhere), so it opens alike in the ZenML
dashboard, in MLflow and from a disk without a network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.reports import interval

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """A titled HTML document."""

    title: str
    html: str


def render(template: str, title: str, **values: Any) -> Page:
    """The page that ``template`` (a file of `TEMPLATES`) makes of ``values``.

    Text is escaped, so captions and file names of strangers are shown, never interpreted; a value
    that the template names and ``values`` lacks raises ``jinja2.UndefinedError``.
    """
    return Page(title, _environment().get_template(template).render(title=title, **values))


def environment(templates: Path) -> Environment:
    """Jinja over a folder: every value escaped, an unknown name an error, no stray blank lines."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(templates),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _environment() -> Environment:
    made = environment(TEMPLATES)
    made.filters |= {"interval": interval, "percent": percent}
    return made


def percent(share: float) -> str:
    """A share in per cent: ``12 %``, or ``0.4 %`` where a whole number would hide it."""
    digits = 0 if share == 0 or abs(share) >= 0.1 else 1
    return f"{100 * share:.{digits}f} %"
