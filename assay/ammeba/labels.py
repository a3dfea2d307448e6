"""What all annotations of one image together make it: label, manipulation and context.

The label is of the pixels. How a caption misuses an image is its context, which no pixel shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from assay.ammeba.tables import Annotation
from assay.records import Label

CONTEXTS = {
    "self_miscontextualizing": "self",
    "circumstance_manipulation": "circumstance",
    "identity_manipulation": "identity",
    "location_manipulation": "location",
    "datetime_manipulation": "datetime",
}
"""Flags that say how the context was changed, and the word for each in `Sample.context`."""
UNNAMED_CONTEXT = "unnamed"
"""The word where the context was changed and nobody said how."""
EDITS = {
    "ai_manipulation": "ai",
    "chyron_manipulation": "chyron",
    "text_manipulation": "text",
    "content_manipulation": "content",
}
"""Flags that say that pixels were altered, the most telling first, and `Sample.manipulation`."""
WRITTEN = ("chyron", "text")
"""Edits of words: on a screenshot they may have been typed before it was taken."""


class Dropped(StrEnum):
    """Why a row of AMMeBa is not used; each rejection's reason begins with one and a colon."""

    NO_IMAGE_ID = "no image_id"
    DISQUALIFIED = "disqualified"
    NO_METADATA = "no metadata"
    NO_LABEL = "no label"
    CONFLICT = "conflict"
    SCREENSHOT = "text of a screenshot"
    NO_DATE = "no date"
    NO_URL = "no url"
    FORBIDDEN = "forbidden address"
    DEAD = "dead link"
    DENIED = "denied"
    WRONG_TYPE = "wrong type"
    TOO_LARGE = "too large"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    TIMED_OUT = "timed out"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate limited"
    SERVER_ERROR = "server error"
    NO_HASH = "no hash"
    OTHER_PICTURE = "another picture than annotated"

    def because(self, reason: str) -> str:
        """The whole reason of a rejection."""
        return f"{self.value}: {reason}"


@dataclass(frozen=True, slots=True)
class Judged:
    """What an image is."""

    label: Label
    manipulation: str = ""
    """One of `EDITS`; empty for authentic images."""
    context: str = ""
    """Words of `CONTEXTS` parted by commas, in that order."""


def judge(rows: Sequence[Annotation], screenshots: bool = False) -> Judged | str:
    """What ``rows``, all of one image and none disqualified, make it; or why they do not.

    Any fact-check that finds an edit, and none that denies one, makes it manipulated, or
    synthesized where AI made the edit; one that denies and none that finds makes it authentic.
    Both together are a conflict; silence is no label. A screenshot whose words alone are said to be
    false is left out unless ``screenshots``.
    """
    edits = [name for flag, name in EDITS.items() if any(row.flags.get(flag) for row in rows)]
    denied = [row for row in rows if _denies(row)]
    if edits and denied:
        return Dropped.CONFLICT.because(
            f"one fact-check finds an edit ({edits[0]}), {quoted_url(denied[0])} finds none"
        )
    context = _context(rows)
    if not edits and not denied:
        told = "the context was judged, the pixels were not" if context else "no flag is answered"
        return Dropped.NO_LABEL.because(told)
    if not edits:
        return Judged(Label.AUTHENTIC, context=context)
    if edits[0] in WRITTEN and not screenshots and all(row.is_screenshot for row in rows):
        return Dropped.SCREENSHOT.because(
            "its words are false, its pixels may be as they were shot"
        )
    label = Label.SYNTHESIZED if edits[0] == "ai" else Label.MANIPULATED
    return Judged(label, edits[0], context)


def quoted_url(row: Annotation) -> str:
    """Where an annotation comes from, for a reason."""
    return row.fact_check_url[:200] or "another"


def _denies(row: Annotation) -> bool:
    """Whether a row says that the content is as it was, and nothing against that."""
    return row.flags.get("content_manipulation") is False and not any(map(row.flags.get, EDITS))


def _context(rows: Sequence[Annotation]) -> str:
    words = [word for flag, word in CONTEXTS.items() if any(row.flags.get(flag) for row in rows)]
    if not words and any(row.flags.get("context_manipulation") for row in rows):
        words = [UNNAMED_CONTEXT]
    return ",".join(words)
