"""What a platform's users are told of an image, how loudly, and on whose word.

The rule, first match first:

1. A person decided: authentic or a benign edit is none, otherwise *warning*.
2. Signed provenance that holds, by a signer on a trust list, and claims generative AI or an edit of
   the content: *warning*. The same by a signer whom nobody vouches for: *caution*, as anyone can
   sign such a claim onto somebody else's photograph.
3. The edit is known to be benign (cropped, recompressed, another colour): none.
4. The automatic verdict is authentic: none.
5. It is handed to people: *caution* where not being authentic is the likelier (score at least
   `LIKELIER`), otherwise none until somebody has looked.
6. Otherwise *caution*. No automatic verdict ever says more.

A platform may ask for a higher score before 5 and 6 caution (`NoticeLimits`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from assay.errors import ConfigError, did_you_mean
from assay.metadata import content_credentials
from assay.records import Finding, Label, Verdict
from assay.settings import Settings

LIKELIER = 0.5
"""The calibrated score from which an image is likelier not authentic than authentic."""
DEFAULT_LANGUAGE = "en"
BENIGN = "benign_edit"
"""The reason code by which people say that an edit misleads nobody."""

_TRANSLATIONS = Path(__file__).with_suffix(".toml")
_VALID, _TRUSTED = "signature valid", "valid, signer on a trust list"
_CLAIMS = ("claimed action", "earlier claimed action")
_GENERATED = (
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "compositeSynthetic",
)
"""Digital source types (`assay.metadata.source_types`) that say generative AI."""
_EDITS = ("c2pa.edited", "c2pa.placed", "c2pa.removed", "c2pa.drawing", "c2pa.deleted")
"""Actions (C2PA 2.x, section 18.15) that alter what is shown; crops, colours, sizes do not."""


class Level(StrEnum):
    """How loudly users are told."""

    NONE = "none"
    CAUTION = "caution"
    WARNING = "warning"


class NoticeLimits(Settings):
    """From which scores on users are cautioned about an automatic verdict; None for never."""

    decided: Annotated[float, Field(ge=0, le=1)] | None = 0.0
    """Called other than authentic, and not handed to people."""
    in_review: Annotated[float, Field(ge=0, le=1)] | None = LIKELIER
    """Called other than authentic, and handed to people."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What users are told."""

    level: Level
    reason: str
    """Which rule spoke, as the translations call it; ``none`` where none did."""
    language: str
    title: str
    """One word; empty for no notice."""
    sentence: str
    """Plain text; empty for no notice."""


@dataclass(frozen=True, slots=True)
class HumanDecision:
    """What a person decided about an image."""

    label: Label
    is_benign: bool = False
    """An edit that misleads nobody: retouched skin, a filter, a caption on a meme."""


def notice(
    verdict: Verdict,
    decision: HumanDecision | None = None,
    *,
    is_benign: bool = False,
    language: str = DEFAULT_LANGUAGE,
    limits: NoticeLimits = NoticeLimits(),  # noqa: B008 (frozen)
) -> Notice:
    """The notice about an image by the rule of this module.

    Provenance is read from ``verdict.findings``; ``is_benign`` says that the edit is known to
    change nothing that matters, from an alignment with the original. Raises `ConfigError` for a
    language without translations.
    """
    verdict_as_told = verdict.label, verdict.score, verdict.needs_review
    level, reason = (
        _decided(decision)
        or _stated(verdict.findings)
        or checked(*verdict_as_told, is_benign, limits)
    )
    return in_language(level, reason, language)


def checked(
    label: Label, score: float, needs_review: bool, is_benign: bool, limits: NoticeLimits
) -> tuple[Level, str]:
    """What an automatic verdict alone says, and which rule spoke: 3 to 6 of this module."""
    limit = limits.in_review if needs_review else limits.decided
    if is_benign or label is Label.AUTHENTIC or limit is None or score < limit:
        return Level.NONE, "none"
    return Level.CAUTION, "in_review" if needs_review else f"checked_{label.value}"


def is_of_file(reason: str) -> bool:
    """Whether ``reason`` is what a file states of itself, which no policy and no model moves."""
    return reason.startswith(("signed_", "claimed_"))


def in_language(level: Level, reason: str, language: str) -> Notice:
    """The notice that ``reason`` gives, in ``language``; raises `ConfigError` as `notice`."""
    if language not in languages():
        hint = did_you_mean(language, languages())
        raise ConfigError(
            f"no notices in language {language!r}{hint}; known: {', '.join(languages())}"
        )
    words = _translations()[language]
    return Notice(level, reason, language, words[level], words[reason])


def languages() -> tuple[str, ...]:
    """The languages that there are translations for, sorted (BCP 47)."""
    return tuple(sorted(_translations()))


def preferred(accepted: str) -> str:
    """The language of ours that an Accept-Language header (RFC 9110) likes best, else English."""
    ranked: list[tuple[float, str]] = []
    for part in accepted[:500].split(","):
        tag, _, weight = part.strip().partition(";q=")
        ranked.append((-_weight(weight), tag.partition("-")[0].lower()))
    liked = (name for weight, name in sorted(ranked, key=lambda one: one[0]) if weight < 0)
    return next((name for name in liked if name in languages()), DEFAULT_LANGUAGE)


def _decided(decision: HumanDecision | None) -> tuple[Level, str] | None:
    if decision is None:
        return None
    if decision.label is Label.AUTHENTIC or decision.is_benign:
        return Level.NONE, "none"
    return Level.WARNING, f"decided_{decision.label.value}"


def _stated(findings: Iterable[Finding]) -> tuple[Level, str] | None:
    """What content credentials with a valid signature claim, if they claim anything of the kind."""
    facts = [fact for finding in findings for fact in finding.measurement.facts]
    state = next((text for name, text in facts if name == content_credentials.NAME), "")
    if state != _TRUSTED and not state.startswith(_VALID):
        return None
    claims = [text for name, text in facts if name in _CLAIMS]
    kind = _claimed(claims)
    if not kind:
        return None
    if state == _TRUSTED:
        return Level.WARNING, f"signed_{kind}"
    return Level.CAUTION, f"claimed_{kind}"


def _claimed(claims: Iterable[str]) -> str:
    """``generated`` or ``edited``, as facts of `assay.metadata.content_credentials` say."""
    words = [claim.partition(": ") for claim in claims]
    # The type stands first behind the colon; what a program calls itself stands before it.
    if any(kind.partition(" ")[0] in _GENERATED for _, _, kind in words):
        return "generated"
    is_edited = any(action.partition(" ")[0] in _EDITS for action, _, _ in words)
    return "edited" if is_edited else ""


def _weight(text: str) -> float:
    try:
        return min(float(text), 1.0) if text else 1.0
    except ValueError:
        return 0.0


@cache
def _translations() -> dict[str, dict[str, str]]:
    return tomllib.loads(_TRANSLATIONS.read_text(encoding="utf-8"))
