"""What strangers wrote, as plain text and times."""

from __future__ import annotations

from datetime import UTC, datetime


def plain(html: str) -> str:
    """The text of ``html`` on one line."""
    from selectolax.lexbor import LexborHTMLParser

    if not html.strip():
        return ""
    body = LexborHTMLParser(html).body
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
    """A string or a number as text; empty for what a platform left out."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
