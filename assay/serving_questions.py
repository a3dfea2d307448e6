"""Held-out images that every way to serve is tried on: chosen and measured once, the same for all.

They travel to the processes of the trials as a Parquet file: the bytes that were judged and the
question about them. What the evidence says stays with whoever compares the answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from assay import images, ledger, teachers
from assay.dataset import Dataset
from assay.errors import DataError
from assay.evidence import Role
from assay.examination import examined_photos
from assay.fingerprints import group_digest
from assay.images import Variant, photo_of
from assay.metrics import Bools, Floats
from assay.model_folder import read_facts
from assay.perturbed_predictions import sample
from assay.progress import Progress
from assay.questions import Preparer, Question
from assay.records import Label, Photo, Pixels, Sample

if TYPE_CHECKING:
    import pandas as pd

    from assay.models import Processor

_SURPRISE = "surprise_"
"""Begins the name of a column that holds one of `ledger.surprises_of`."""


@dataclass(frozen=True)
class HeldOut:
    """A file of held-out images, with what is known of each."""

    path: Path

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row an image: image_id, image (bytes), question, label, stratum, and surprises."""
        import pandas as pd

        return pd.read_parquet(self.path)

    def __len__(self) -> int:
        return len(self.table)

    @property
    def labels(self) -> list[Label]:
        """The truth about each image."""
        return [Label(label) for label in self.table["label"]]

    @property
    def positive(self) -> Bools:
        """Whether each is not authentic ``[n]``."""
        return np.array([label is not Label.AUTHENTIC for label in self.labels], bool)

    @property
    def strata(self) -> list[str]:
        """Which kind of file each was."""
        return list(self.table["stratum"])

    @property
    def surprises(self) -> dict[str, Floats]:
        """What their evidence says, as `assay.fusion.Fusion.logits` takes it."""
        columns = [str(name) for name in self.table if str(name).startswith(_SURPRISE)]
        return {c.removeprefix(_SURPRISE): self.table[c].to_numpy(np.float64) for c in columns}

    @property
    def files(self) -> list[bytes]:
        """The encoded images."""
        return list(self.table["image"])

    def questions(self, processor: Processor) -> list[Question]:
        """The questions in the size that ``processor`` gives images; without their findings."""
        rows = zip(self.files, self.table["question"], self.strata, strict=True)
        return [_question(processor, images.decode(data).pixels, *rest) for data, *rest in rows]


@dataclass(frozen=True, slots=True)
class _FittedOn:
    """What a model has seen, by its description alone: no weights are loaded."""

    groups: frozenset[str]

    def has_seen(self, group: str) -> bool:
        return group_digest(group) in self.groups


def hold_out(
    model: Path,
    dataset: Dataset,
    images_per_class: int,
    seed: int,
    path: Path,
    progress: Progress,
) -> HeldOut:
    """Authentic test images that ``model`` has not seen, and as many others, in the file ``path``.

    Normalised as in training; evidence is measured on all cores. A file that is there is taken as
    it is. Raises `DataError` where no such image is left, and `CheckpointMismatch` for a folder
    that is no model.
    """
    if not path.exists():
        import pandas as pd

        fitted_on = _FittedOn(frozenset(read_facts(model)["seen_groups"]))
        chosen = sample(fitted_on, dataset, images_per_class, seed)
        if not chosen:
            raise DataError(
                "the test split holds no image that the model has not seen; "
                "name other data with --set data.source=folder --set data.options.path=FOLDER"
            )
        rows = pd.DataFrame(_rows(Preparer.load(model), dataset, chosen, progress))
        unfinished = path.with_suffix(".unfinished")
        # Shuffled, as stored order is by label: whoever takes a few takes some of each.
        rows.sample(frac=1, random_state=seed).to_parquet(unfinished, index=False)
        unfinished.replace(path)
    return HeldOut(path)


def _rows(
    preparer: Preparer, dataset: Dataset, chosen: frozenset[str], progress: Progress
) -> Iterator[dict[str, Any]]:
    make = partial(photo_of, kind=Variant.BIAS_CONTROLLED)
    examined = examined_photos(make, dataset.find(chosen) if chosen else ())
    for done, (found, photo) in enumerate(examined, 1):
        yield _row(preparer.prepare(photo), found, photo)
        progress(done, len(chosen), "measuring evidence")


def _row(question: Question, found: Sample, photo: Photo) -> dict[str, Any]:
    surprises = ledger.surprises_of([question.findings])
    return {
        "image_id": found.image_id,
        "image": photo.data,
        "question": teachers.question(ledger.in_role(question.findings, Role.FUSED)),
        "label": found.label.value,
        "stratum": question.stratum,
        **{_SURPRISE + name: float(found[0]) for name, found in surprises.items()},
    }


def _question(processor: Processor, pixels: Pixels, text: str, stratum: str) -> Question:
    resized = processor.resize(pixels)
    size = resized.shape[1], resized.shape[0]
    return Question(resized, processor.prompt_ids(size, text), (), stratum)
