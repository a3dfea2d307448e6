"""A split made ready for training once: pixels resized on disk, conversations as token ids.

Epochs then cost no decoding: a batch is a slice of a memory map and two lists of integers.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from assay import images, ledger, measuring, prompts
from assay.errors import ConfigError
from assay.evidence import Role
from assay.models import Processor
from assay.null_rates import NullRates
from assay.progress import Progress
from assay.records import Finding, Label, Measurement, Photo, Pixels, Sample, Split
from assay.rehearsal import rehearsed
from assay.teachers import question, teacher

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Tensor

    from assay.dataset import Dataset

_IGNORED = -100
_ROWS = "rows.json"
LABELS = tuple(Label)


@dataclass(frozen=True, slots=True)
class Conversation:
    """One training example: the image as the model sees it, the question and the answer."""

    pixels: Pixels
    prompt: list[int]
    answer: list[int]
    label: int
    """Index into `Label`."""
    image_id: str


class TrainingData:
    """The conversations of one split, read from a folder that `prepare` wrote."""

    def __init__(self, folder: Path) -> None:
        self._rows: list[dict[str, Any]] = json.loads((folder / _ROWS).read_text())
        self._pixels: npt.NDArray[np.uint8] = np.memmap(folder / "pixels.u8", np.uint8, "r")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Conversation:
        row = self._rows[index]
        height, width = row["size"]
        start, length = row["offset"], 3 * height * width
        pixels = np.array(self._pixels[start : start + length]).reshape(height, width, 3)
        return Conversation(pixels, row["prompt"], row["answer"], row["label"], row["image_id"])

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """Label indices ``[n]``."""
        return np.array([row["label"] for row in self._rows], dtype=np.int64)


class Collator:
    """Turns conversations into a batch in which only the answer is supervised."""

    def __init__(self, processor: Processor, rationale_weight: float) -> None:
        self._processor = processor
        self._rationale_weight = rationale_weight

    def __call__(self, batch: Sequence[Conversation]) -> dict[str, Tensor]:
        """Add to the processor's tensors what the loss needs.

        ``labels`` and ``loss_weights`` ``[b, a]`` cover the last ``a`` positions, the longest
        answer; ``verdicts`` and ``answer_lengths`` are ``[b]``. The weights give the verdict token
        one share and the rationale's tokens ``rationale_weight`` shares together, however long the
        rationale is.
        """
        import torch

        rows = [example.prompt + example.answer for example in batch]
        tensors = self._processor.collate([example.pixels for example in batch], rows)
        lengths = torch.tensor([len(example.answer) for example in batch])
        longest = int(lengths.max())
        position = torch.arange(longest) - (longest - lengths[:, None])
        weights = (position == 0).float() / len(batch)
        rest = position > 0
        weights[rest] = self._rationale_weight / max(1, int(rest.sum()))
        answers = tensors["input_ids"][:, -longest:]
        return tensors | {
            "labels": torch.where(position >= 0, answers, _IGNORED),
            "loss_weights": weights,
            "verdicts": torch.tensor([example.label for example in batch]),
            "answer_lengths": lengths,
        }


def prepare(
    dataset: Dataset,
    split: Split,
    measurements: pa.Table,
    null_rates: NullRates,
    processor: Processor,
    folder: Path,
    progress: Progress,
    rehearsals: int = 0,
    only: Collection[str] | None = None,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> TrainingData:
    """Write the conversations of ``split`` into ``folder``, unless they are there, and open them.

    Images are bias-controlled first, as everywhere in training; ``measurements`` is the table of
    `measuring.measure_dataset` for the same variant. With ``rehearsals``, each image is asked about
    as often, with invented findings. With ``only``, other images than these are left out. What
    ``reasons`` holds of an image is learned instead of the offline teacher's. Raises `ConfigError`
    when the split is empty.
    """
    wanted = set(dataset.table(["image_id"], split)["image_id"].to_pylist())
    wanted &= wanted if only is None else set(only)
    if not (total := len(wanted)):
        raise ConfigError(
            f"the dataset has no {split} rows; add groups of images, or set data.validation_share"
        )
    if (folder / _ROWS).exists():
        return TrainingData(folder)
    folder.mkdir(parents=True, exist_ok=True)
    measured = measuring.by_image(measurements)
    rows: list[dict[str, Any]] = []
    offset = 0
    with (folder / "pixels.u8").open("wb") as pixels_file:
        for done, sample in enumerate(dataset.find(wanted), 1):
            photo = images.photo_of(sample, images.Variant.BIAS_CONTROLLED)
            resized = processor.resize(photo.pixels)
            if rehearsals:
                told = [rehearsed(sample.image_id, number) for number in range(rehearsals)]
            else:
                found = measured[sample.image_id], null_rates, reasons.get(sample.image_id, "")
                told = [_measured(sample, photo, *found)]
            made = [_row(sample.image_id, resized, *one, processor) for one in told]
            rows += [row | {"offset": offset} for row in made]
            offset += pixels_file.write(np.ascontiguousarray(resized).tobytes())
            progress(done, total, f"preparing {split}")
    # The rows are written last and at once: where they stand, the pixels are whole.
    unfinished = folder / f"{_ROWS}.unfinished"
    unfinished.write_text(json.dumps(rows))
    unfinished.replace(folder / _ROWS)
    return TrainingData(folder)


def _measured(
    sample: Sample,
    photo: Photo,
    measurements: Sequence[Measurement],
    null_rates: NullRates,
    reasons: str,
) -> tuple[Label, tuple[Finding, ...], str]:
    """The verdict about ``sample``, what the model is told of it, and the reasons to learn."""
    told = ledger.in_role(ledger.findings(measurements, null_rates), Role.FUSED)
    mask = images.mask_of(sample, photo)
    rationale = teacher().rationale(sample.label, sample.manipulation, mask, told)
    return sample.label, told, sample.rationale or reasons or rationale


def _row(
    image_id: str,
    resized: Pixels,
    label: Label,
    told: Sequence[Finding],
    rationale: str,
    processor: Processor,
) -> dict[str, Any]:
    height, width = resized.shape[:2]
    return {
        "size": (height, width),
        "prompt": processor.prompt_ids((width, height), question(told)),
        "answer": processor.answer_ids(prompts.render(prompts.Answer(label, rationale))),
        "label": LABELS.index(label),
        "image_id": image_id,
    }
