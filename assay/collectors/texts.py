"""What strangers wrote, as plain text and times."""

from __future__ import annotations

from datetime import UTC, datetime


def plain(html: str) -> str:
    """The text of ``html`` on one line."""
    from selectolax.lexbor import LexborHTMLParser

    if not html.strip():
        return ""
    body = LexborHTMLParser(text(html)).body
    return " ".join(body.text(separator=" ").split()) if body else ""


def moment(said: object) -> datetime | None:
    """An ISO 8601 time, in UTC where it names no zone; None for anything else."""
    if not isinstance(said, str):
        return None
    try:
        found = datetime.fromisoformat(said)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def text(value: object) -> str:
    """A string or a number as text; empty for what a platform left out.

    Half a character becomes a question mark and NUL nothing: JSON may name both, and neither can
    be stored.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value).replace("\0", "").encode("utf-8", "replace").decode()
