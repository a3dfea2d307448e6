"""A dataset as conversations that LLaMA-Factory trains on: the questions and answers of a training.

One file a split, images and masks beside them, and ``dataset_info.json``. The source ``sharegpt``
(`assay.sources.sharegpt`) reads them back.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from assay import images, ledger, measuring, prompts, teachers
from assay.dataset import Dataset
from assay.durable import replace_file
from assay.errors import DataError
from assay.evidence import Role
from assay.images import Variant
from assay.null_rates import NullRates, fit_null_rates
from assay.progress import Progress
from assay.records import Measurement, Sample, Split
from assay.sources.sharegpt import EXTRA, FORMATTING, IMAGE_TAG, INFO

_COLUMNS = {"messages": "messages", "images": "images"}
_TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "system_tag": "system",
}
_LEFT_OUT = ("image", "mask", "label", "rationale")
"""Fields of a sample that stand elsewhere in its record."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written."""

    folder: str
    conversations: dict[str, int]
    """By the name in ``dataset_info.json``."""
    with_reasons_of_a_teacher: int


def export(
    dataset: Dataset,
    folder: Path,
    progress: Progress,
    reasons: Mapping[str, str],
    form: Variant = Variant.BIAS_CONTROLLED,
    workers: int | None = None,
    kept: Path | None = None,
) -> Exported:
    """Write every split of ``dataset`` into ``folder``, which has to be new or empty.

    Images are in the ``form`` in which a training sees them unless told otherwise: files as they
    came give labels away. ``reasons`` are a teacher's by image; the offline one's are the rest.
    Evidence is measured, and found again in ``kept``. Raises `DataError` for a folder in use.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty; name a new folder")
    splits = [split for split in Split if dataset.table(["image_id"], split).num_rows]
    table = measuring.measure_dataset(
        dataset, splits, Variant.BIAS_CONTROLLED, workers, progress, kept=kept
    )
    writer = _Writer(folder, measuring.by_image(table), fit_null_rates(table), reasons, form)
    counts, info = {}, {}
    for split in splits:
        name = f"assay_{split}"
        counts[name] = writer.write(dataset, split, f"{name}.json", progress)
        info[name] = _described(f"{name}.json")
    # The description comes last: where it stands, everything that it names is whole.
    replace_file(folder / INFO, json.dumps(info, indent=2).encode())
    return Exported(str(folder), counts, writer.told)


def _described(file: str) -> dict[str, Any]:
    return {"file_name": file, "formatting": FORMATTING, "columns": _COLUMNS, "tags": _TAGS}


class _Writer:
    """The conversations of one folder."""

    def __init__(
        self,
        folder: Path,
        measured: Mapping[str, Sequence[Measurement]],
        rates: NullRates,
        reasons: Mapping[str, str],
        form: Variant,
    ) -> None:
        self._folder, self._measured, self._rates = folder, measured, rates
        self._reasons, self._form = reasons, form
        self.told = 0
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def write(self, dataset: Dataset, split: Split, file: str, progress: Progress) -> int:
        """One record a line of a JSON list, so that a split is never in memory; how many."""
        total, done = dataset.table(["image_id"], split).num_rows, 0
        with (self._folder / file).open("w", encoding="utf-8") as stream:
            stream.write("[")
            for done, sample in enumerate(dataset.samples(split), 1):
                self._line(sample, stream, ",\n" if done > 1 else "\n")
                progress(done, total, f"exporting {split}")
            stream.write("\n]\n")
        return done

    def _line(self, sample: Sample, stream: TextIO, before: str) -> None:
        photo = images.photo_of(sample, Variant.BIAS_CONTROLLED)
        found = ledger.findings(self._measured[sample.image_id], self._rates)
        told = ledger.in_role(found, Role.FUSED)
        asked = sample.rationale or self._reasons.get(sample.image_id, "")
        self.told += bool(asked)
        mask = images.mask_of(sample, photo)
        offline = teachers.teacher().rationale(sample.label, sample.manipulation, mask, told)
        answer = prompts.Answer(sample.label, asked or offline)
        record = {
            "messages": [
                {"role": "user", "content": IMAGE_TAG + teachers.question(told)},
                {"role": "assistant", "content": prompts.render(answer)},
            ],
            "images": [self._image(sample)],
            EXTRA: self._extra(sample),
        }
        stream.write(before + json.dumps(record))

    def _image(self, sample: Sample) -> str:
        data = images.variant(sample.image, sample.image_id, self._form)
        return self._stored("images", data, f".{images.decode(data).format.lower()}")

    def _extra(self, sample: Sample) -> dict[str, str]:
        fields = asdict(sample)
        made = {name: str(fields[name] or "") for name in fields if name not in _LEFT_OUT}
        mask = self._stored("masks", sample.mask, ".png") if sample.mask else ""
        return made | {"mask": mask}

    def _stored(self, kind: str, data: bytes, suffix: str) -> str:
        """A file named after its content, as a path below the folder."""
        name = f"{kind}/{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
        (self._folder / name).write_bytes(data)
        return name
