"""What a window is compared with: the traffic that its model was trained on, or the next best.

The table of a reference is kept per version of the model (`assay.monitoring.kept`); it holds what
is compared, and nothing that says which image it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from assay.model_folder import CAPTURES, read_facts, version_of
from assay.monitoring import dataset_reference, kept
from assay.monitoring.drift import compared, family_of
from assay.monitoring.frame import EMBEDDING, one_each, window_frame
from assay.monitoring.kept import Found, nothing
from assay.monitoring.numbers import Family, Reference, ReferenceKind
from assay.monitoring.settings import ReferenceSettings
from assay.progress import Progress, silent
from assay.store.traffic import Span

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store


def find(
    store: Store, model: Path, settings: ReferenceSettings, progress: Progress = silent
) -> Found:
    """The best reference of the model folder ``model`` that there is, in the order of its kinds.

    Where there is none at all the kind is none and the table empty. Raises `CheckpointMismatch`
    for a folder that is no model, `StoreUnavailable`.
    """
    version, learned = version_of(model), read_facts(model).get(CAPTURES)
    own = _first(store, version, settings)
    if learned is not None:
        found = _trained_on(store, version, _span(learned), own, settings)
        if found[0].groups >= settings.least_pictures:
            return found
    if own is not None and own[0].groups >= settings.least_pictures:
        return own
    return dataset_reference.find(model, version, settings, progress) or nothing()


def _span(learned: Mapping[str, str]) -> Span:
    since, until = (datetime.fromisoformat(learned[name]) for name in ("since", "until"))
    return Span(since, until)


def _first(store: Store, version: str, settings: ReferenceSettings) -> Found | None:
    """The first captures that the model answered; None until there are enough."""
    key = version, ReferenceKind.FIRST_CAPTURES, settings
    if (found := kept.load(*key)) is not None:
        return found
    if store.traffic.count(Span(model_version=version)) < settings.captures:
        return None
    table = window_frame(store, limit=settings.captures, model_version=version, newest=False)
    made = _described(ReferenceKind.FIRST_CAPTURES, table)
    return kept.save(*key, made)


def _trained_on(
    store: Store, version: str, span: Span, own: Found | None, settings: ReferenceSettings
) -> Found:
    """The traffic of ``span``, with what this model says of its first own captures.

    What another model said of the traffic is no reference for what this one says.
    """
    import pandas as pd

    key = version, ReferenceKind.TRAINING_CAPTURES, settings
    if (found := kept.load(*key)) is not None:
        return found
    learned = window_frame(store, span.since, span.until, settings.limit)
    reference, table = _described(ReferenceKind.TRAINING_CAPTURES, learned)
    said = [name for name in table.columns if _is_said(name)]
    if (learned["model_version"] == version).all():
        return kept.save(*key, (reference, table))
    inputs = table.drop(columns=said)
    if own is None:
        return reference, inputs
    joined = pd.concat([inputs, own[1][[name for name in own[1].columns if _is_said(name)]]])
    return kept.save(*key, (reference, joined.reset_index(drop=True)))


def _described(kind: ReferenceKind, frame: pd.DataFrame) -> Found:
    """A reference of captures, and what of them is compared."""
    pictures = one_each(frame)
    about = Reference(
        kind=kind,
        captures=len(frame),
        groups=len(pictures),
        since=frame["created_at"].iloc[0] if len(frame) else None,
        until=frame["created_at"].iloc[-1] if len(frame) else None,
    )
    return about, pictures[compared(pictures)]


def _is_said(name: str) -> bool:
    """Whether a column is what a model made of the image, and not of the image itself."""
    return name.startswith(EMBEDDING) or family_of(name) is Family.VERDICT
