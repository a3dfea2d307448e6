"""What became of a challenger, noted at its version: whoever was killed meanwhile can read it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from assay import tracking
from assay.model_registry import MODEL

_RUN, _PROMOTED, _REASONS = "judged_by", "promoted", "judged_because"
_LONGEST = 4000
"""Characters; a tag of MLflow holds 5000."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a version was promoted, and why."""

    version: str
    promoted: bool
    reasons: tuple[str, ...]


def note(version: str, run: str, *, promoted: bool, reasons: tuple[str, ...]) -> None:
    """Note what the pipeline run called ``run`` decided of ``version``; the latest counts."""
    tags = {
        _REASONS: _shortened(reasons),
        _PROMOTED: str(promoted).lower(),
        _RUN: run,  # last: with it the others are found
    }
    for name, value in tags.items():
        tracking.client().set_model_version_tag(MODEL, version, name, value)


def by_run(beginning: str) -> Judgement | None:
    """The latest version that was judged by a run whose name begins so, or None."""
    found = [
        version
        for version in tracking.client().search_model_versions(f"name = '{MODEL}'")
        if version.tags.get(_RUN, "").startswith(beginning)
    ]
    if not found:
        return None
    latest = max(found, key=lambda version: int(version.version))
    reasons = tuple(json.loads(latest.tags[_REASONS]))
    return Judgement(str(latest.version), latest.tags[_PROMOTED] == "true", reasons)


def _shortened(reasons: tuple[str, ...]) -> str:
    """As many as fit a tag, the first ones; each is a sentence."""
    kept = list(reasons)
    while len(json.dumps(kept)) > _LONGEST and kept:
        kept.pop()
    return json.dumps(kept)
