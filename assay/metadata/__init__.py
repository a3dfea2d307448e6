"""What a file states about itself beside its pixels: every reader here takes hostile bytes.

A reader never raises on malformed content: what it cannot read becomes a fact that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Fact = tuple[str, str]
"""A field's name and its text, untrusted and of any length; see `bounded`."""

MOST_FACTS = 40
LONGEST = 300
"""Characters of a quoted value, the mark of a cut included."""
UNREADABLE = "unreadable"
_CUT = " ... (cut)"


def bounded(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    """The first `MOST_FACTS` that are not empty, each on one printable line of `LONGEST`.

    Control, format and private characters (new lines, terminal codes, changes of the writing
    direction) stand escaped as Python writes them; what is cut ends with a mark.
    """
    return tuple(_printable(facts))[:MOST_FACTS]


def quoted(text: str, longest: int = LONGEST) -> str:
    """``text`` on one printable line of at most ``longest`` characters, as `bounded` says."""
    stripped = text[: 4 * longest].strip("\0 \t\r\n")
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in stripped)
    if len(line) <= longest and len(text) <= 4 * longest:
        return line
    return line[: longest - len(_CUT)] + _CUT


def _printable(facts: Sequence[Fact]) -> Iterator[Fact]:
    for name, value in facts:
        if line := quoted(value):
            yield quoted(name, 80), line
