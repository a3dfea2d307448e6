"""What was found out about a case file, for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.rederivation import Verification


def verification(found: Verification) -> Iterator[RenderableType]:
    """First whether the file is intact, then by whose key, what was derived and what was not."""
    from rich.markup import escape
    from rich.text import Text

    word = "[green]intact[/]" if found.is_intact else "[red]not intact[/]"
    yield Text.from_markup(f"case {escape(ascii(found.case_id))}: {word}")
    if found.signed_by:
        whose = "the key that was given" if found.is_key_known else "the key that is enclosed"
        yield Text(f"signed with {whose}: {found.signed_by}")
    if found.signed_by and not found.is_key_known:
        yield Text(
            "compare it with the publisher's: this shows only that nothing was changed since"
        )
    yield from _listed("differs", found.differences)
    yield from _listed("derived again", found.rederivation.derived)
    yield from _listed("not derived", found.rederivation.not_derived)


def _listed(title: str, lines: Iterable[str]) -> Iterator[RenderableType]:
    from rich.text import Text

    if text := "".join(f"\n- {line}" for line in lines):
        yield Text(f"{title}:{text}")
