"""What a model was made of and whose labels, and which models saw an image: notes and questions.

The notes are rows of `assay.store`; MLflow is not asked, so that a service can answer too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from assay.errors import NotStored
from assay.model_folder import version_of

if TYPE_CHECKING:
    from pathlib import Path

    from assay.dataset import Dataset
    from assay.label_intake import Intake
    from assay.store import LearnedCapture, Store, TrainedModel


@dataclass(frozen=True, slots=True)
class MadeOf:
    """What a model learned from and was judged on, its ancestors' captures included."""

    model: TrainedModel
    ancestors: tuple[str, ...]
    """The models that it continues, the nearest first, as verdicts name them."""
    captures: tuple[LearnedCapture, ...]
    """Oldest first."""
    labellers: Mapping[str, int]
    """Images by whose vote counted, most first."""


@dataclass(frozen=True, slots=True)
class Answered:
    """Where a served answer comes from."""

    capture_id: str
    model_version: str
    made_of: MadeOf | None
    """None where nothing is noted: no captures were learned from."""


@dataclass(frozen=True, slots=True)
class SeenBy:
    """What has learned from an image."""

    capture_id: str
    datasets: tuple[str, ...]
    models: tuple[TrainedModel, ...]
    """The newest first."""


def record_dataset(store: Store, dataset: Dataset, intake: Intake) -> int:
    """Note which captures ``dataset`` holds: what was taken in, and what its base held already.

    Returns how many.
    """
    table = dataset.table(["image_id", "split"])
    splits = dict(zip(*(table[name].to_pylist() for name in ("image_id", "split")), strict=True))
    found = {one.capture_id: one for one in store.lineage.captures_of(intake.base)}
    found |= {one.capture_id: one for one in _taken(intake)}
    held = [one for one in found.values() if one.image_id in splits]
    notes = [replace(one, split=splits[one.image_id]) for one in held]
    store.lineage.record_dataset(dataset.version, notes)
    return len(notes)


def record_model(
    store: Store, bundle: Path, dataset_version: str, *, version: str = "", parent: str = ""
) -> None:
    """Note what the model folder ``bundle`` was trained or calibrated on.

    ``version`` is its number in the registry, ``parent`` the model that it continues, as verdicts
    name it. Raises `CheckpointMismatch` for a folder that is no model.
    """
    name = version_of(bundle)
    store.lineage.record_model(name, dataset_version, version=version, parent=parent)


def of_model(store: Store, name: str) -> MadeOf:
    """What the model called ``name`` was made of (as by `Lineage.model`); raises `NotStored`."""
    found = store.lineage.model(name)
    if found is None:
        raise NotStored(
            f"nothing is noted of a model {name[:64]!r}: it learned from no captures, or has "
            "another name; `python -m assay captures show ID` shows the name that verdicts give"
        )
    line = [found, *_ancestors(store, found)]
    datasets = {version for model in line for version in model.datasets}
    captures = {
        one.capture_id: one
        for version in sorted(datasets)
        for one in store.lineage.captures_of(version)
    }
    by_image = {one.image_id: one.labeller for one in captures.values()}
    return MadeOf(
        found,
        tuple(model.model_version for model in line[1:]),
        tuple(captures[name] for name in sorted(captures)),
        dict(Counter(by_image.values()).most_common()),
    )


def of_answer(store: Store, capture_id: str) -> Answered:
    """Where the answer to a request comes from; raises `NotCaptured`."""
    version = store.captures.get(capture_id).model_version
    known = store.lineage.model(version)
    return Answered(capture_id, version, None if known is None else of_model(store, version))


def of_capture(store: Store, capture_id: str) -> SeenBy:
    """Which datasets and models saw the image of a capture, also of one that was deleted.

    The same bytes count whichever capture brought them. Raises `NotStored` for an unknown one.
    """
    capture = store.captures.find(capture_id)
    if capture is None:
        raise NotStored(f"no capture {capture_id[:64]!r}; check the id")
    which = capture_id, capture.image_digest
    datasets, models = store.lineage.datasets_of(*which), store.lineage.models_of(*which)
    return SeenBy(capture_id, tuple(datasets), tuple(models))


def _ancestors(store: Store, model: TrainedModel) -> Iterator[TrainedModel]:
    known = {model.model_version}
    parent = store.lineage.model(model.parent) if model.parent else None
    while parent is not None and parent.model_version not in known:
        known.add(parent.model_version)
        yield parent
        parent = store.lineage.model(parent.parent) if parent.parent else None


def _taken(intake: Intake) -> Sequence[LearnedCapture]:
    """A note for each capture that shows what was taken."""
    from assay.store import LearnedCapture

    return [
        LearnedCapture(
            name,
            one.image_id,
            digest,
            one.label.value,
            one.labeller,
            list(one.labellers),
            one.split.value,
        )
        for one in intake.taken
        for name, digest in one.image_digests.items()
    ]
