"""Whether `compare` sees planted defects, and sees none between two seeds of the same training.

    python -m benchmarks.planted_defect --state FOLDER [--champion DIRECTORY] [--share 0.4]

Four default trainings (three with a champion given): as it is; with the labels of one
manipulation's pairs swapped, as when a batch was filed under the wrong names; with another seed;
and with the labels of a share of all images turned at random, which changes probabilities more than
ranks and therefore has no target. Some half an hour, so `python -m benchmarks` leaves it out.
What is done already is taken from the state folder.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure, show

if TYPE_CHECKING:
    from assay.dataset import Dataset
    from assay.records import Label, Sample

ROOT = Path(__file__).resolve().parent.parent
BATCH = "resynthesis"
"""The manipulation whose pairs change sides: a third of all."""
SEED = 1
"""Of the second training, where the default has 0; and of the draw of the labels that turn."""

_COLUMNS = ("file", "label", "kind", "mask", "split", "group", "dataset", "licence")
_REGISTERED = re.compile(r"^version (\d+):", re.MULTILINE)
_DIFFERENCE = re.compile(r"AUC ([+-]\d\.\d+) \(([+-]\d\.\d+) to ([+-]\d\.\d+)\)")


_Limits = Mapping[str, Mapping[str, float]]
_LOSS: _Limits = {"upper end": {"at_most": 0.0}}
_NO_DIFFERENCE: _Limits = {"lower end": {"at_most": 0.0}, "upper end": {"at_least": 0.0}}


def main() -> int:
    """Train, compare and show the differences; 1 if one is not as it has to be."""
    options = _options()
    os.environ["ASSAY_HOME"] = str(options.state.resolve())
    champion = options.champion or _train("default")
    swapped = _flawed_data(options.state / f"{BATCH}-swapped", _is_of_batch)
    figures = [*_figures("swapped batch", champion, _train("swapped batch", *swapped), _LOSS)]
    seeds = [f"{stage}.optimisation.seed={SEED}" for stage in ("base", "training")]
    figures += _figures("second seed", champion, _train("second seed", *seeds), _NO_DIFFERENCE)
    turned = _flawed_data(options.state / f"{options.share:g}-turned", _drawn(options.share))
    figures += _figures("turned at random", champion, _train("turned at random", *turned), {})
    show(figures)
    return int(any(figure.missed for figure in figures))


def export(dataset: Dataset, folder: Path, is_turned: Callable[[Sample], bool]) -> None:
    """Write ``dataset`` as a labelled folder, labels of images that ``is_turned`` picks turned.

    Splits and groups stay, so a model of either has seen the same photographs. The test split keeps
    its labels. An edited image that becomes authentic loses its mask, which would contradict it.
    """
    (folder / "masks").mkdir(parents=True, exist_ok=True)
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, _COLUMNS)
        rows.writeheader()
        for sample in dataset.samples():
            rows.writerow(_exported(sample, folder, is_turned(sample)))


def _is_of_batch(sample: Sample) -> bool:
    """Whether the image, or its untouched twin, comes from a pair of `BATCH`."""
    return f"-{BATCH}-" in sample.image_id


def _drawn(share: float) -> Callable[[Sample], bool]:
    rng = np.random.default_rng(SEED)
    return lambda _: bool(rng.random() < share)


def _exported(sample: Sample, folder: Path, turned: bool) -> dict[str, str]:
    from assay.records import Label, Split

    label = sample.label
    if turned and sample.split is not Split.TEST:
        label = _opposite(sample)
    name, mask = f"{sample.image_id}{_suffix(sample.image)}", ""
    (folder / name).write_bytes(sample.image)
    if sample.mask and label is not Label.AUTHENTIC:
        mask = f"masks/{sample.image_id}.png"
        (folder / mask).write_bytes(sample.mask)
    split = "" if sample.split is None else sample.split.value
    given = (label.value, sample.manipulation, mask, split, sample.group)
    return dict(zip(_COLUMNS, (name, *given, sample.dataset, sample.licence), strict=True))


def _opposite(sample: Sample) -> Label:
    """The label of the other image of its pair, as far as two sides go."""
    from assay.records import Label

    if sample.label is not Label.AUTHENTIC:
        return Label.AUTHENTIC
    return Label.SYNTHESIZED if _is_of_batch(sample) else Label.MANIPULATED


def _suffix(image: bytes) -> str:
    return ".jpg" if image.startswith(b"\xff\xd8") else ".png"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--state", type=Path, required=True, help="a state folder of its own")
    parser.add_argument("--share", type=float, default=0.4, help="of the labels that turn")
    parser.add_argument("--champion", default="", help="a default model that exists already")
    return parser.parse_args()


def _flawed_data(folder: Path, is_turned: Callable[[Sample], bool]) -> Iterator[str]:
    """The settings that train on the export of the default dataset, made where it is missing."""
    target = folder.resolve()
    if not target.is_dir():
        unfinished = target.with_suffix(".unfinished")
        export(_default_dataset(), unfinished, is_turned)
        unfinished.rename(target)
    yield from ("data.source=folder", f"data.options.path={target}", "data.manipulations=null")


def _default_dataset() -> Dataset:
    import run
    from assay import dataset_builder, home
    from assay.progress import bar

    data = run._parameters("train", None, [])["data"]  # noqa: SLF001 (as the command line reads it)
    with bar() as progress:
        return dataset_builder.build_dataset(data, home.folder("datasets"), progress)


def _train(what: str, *settings: str) -> str:
    """Train and return the number of the version that came of it."""
    found = _REGISTERED.search(_run(what, "train", settings))
    if found is None:
        raise SystemExit(f"{what}: the training registered no version")
    return found[1]


def _figures(what: str, first: str, second: str, limits: _Limits) -> Iterator[Figure]:
    """The AUC difference and the ends of its interval, each held to its limits."""
    done = _run(what, "compare", (f"first={first}", f"second={second}"))
    found = _DIFFERENCE.search(" ".join(done.split()))  # a narrow terminal breaks lines
    if found is None:
        raise SystemExit(f"{what}: the comparison gave no difference")
    for name, value in zip(
        ("AUC difference", "lower end", "upper end"), found.groups(), strict=True
    ):
        yield Figure(f"{what}: {name}", float(value), "", **limits.get(name, {}))


def _run(what: str, pipeline: str, settings: Sequence[str]) -> str:
    """Run a pipeline in a process of its own and return what it printed."""
    sys.stderr.write(f"{what}: {pipeline} {' '.join(settings)}\n")
    assignments = [word for setting in settings for word in ("--set", setting)]
    command = [sys.executable, "run.py", "--pipeline", pipeline, *assignments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, flush=True)
    if done.returncode:
        raise SystemExit(f"{what}: {pipeline} ended with {done.returncode}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
