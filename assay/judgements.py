"""What became of a challenger, noted at its version: whoever was killed meanwhile can read it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from assay import tracking
from assay.metrics import Metric
from assay.model_versions import MODEL

_RUN, _PROMOTED, _REASONS = "judged_by", "promoted", "judged_because"
_NEWEST_AUC = "newest_auc"
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


def promise(version: str, newest_auc: Metric) -> None:
    """Note what ``version`` had on the newest labels, which it is held to once it answers."""
    value = json.dumps(asdict(newest_auc))
    tracking.client().set_model_version_tag(MODEL, version, _NEWEST_AUC, value)


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


def newest_auc(version: str) -> Metric | None:
    """What ``version`` had on the newest labels when it was judged; None if on no such."""
    tags = tracking.client().get_model_version(MODEL, version).tags
    return Metric(**json.loads(tags[_NEWEST_AUC])) if _NEWEST_AUC in tags else None


def _shortened(reasons: tuple[str, ...]) -> str:
    """As many as fit a tag, the first ones; each is a sentence."""
    kept = list(reasons)
    while len(json.dumps(kept)) > _LONGEST and kept:
        kept.pop()
    return json.dumps(kept)
