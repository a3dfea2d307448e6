"""From the champion to what it is moved by: its dataset, what people labelled since, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator

from assay import catalogue, dataset_builder, dataset_store, fingerprints, home, lineage
from assay.dataset import Dataset
from assay.detector import Detector
from assay.errors import ConfigError, DataError
from assay.images import Variant
from assay.label_intake import Intake, IntakeSettings, collecting
from assay.model_folder import CAPTURES, LABELLED, read_facts
from assay.predictions import predict, predict_alike
from assay.progress import Progress
from assay.records import BASIC_SPLITS, Split
from assay.settings import as_written, at_home
from assay.sources.captures import Captures
from assay.succession import WEIGHT, Rivals

if TYPE_CHECKING:
    import pandas as pd

    from assay.store import Store

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
"""Before any capture."""


def _moment(text: str) -> str:
    if text:
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise ValueError("expected a moment in ISO 8601, as in 2026-11-23T00:00:00Z") from error
    return text


def _folder(path: str) -> str:
    if path and not Path(path).is_dir():
        raise ValueError("no such folder")
    return path


LabelledFolder = Annotated[str, BeforeValidator(at_home), AfterValidator(_folder)]
"""A folder of labelled images that exists; empty stands for labelled captures."""
Moment = Annotated[str, BeforeValidator(as_written), AfterValidator(_moment)]
"""ISO 8601, UTC where it names no zone; empty leaves it to the champion, or to the clock."""


def base_of(model: Path, root: Path) -> Dataset:
    """The dataset that ``model`` knows: with the captures that it was moved to, if any.

    Raises `ConfigError` where it lies no longer in the folder ``root``.
    """
    facts = read_facts(model)
    version = str(facts.get(LABELLED, facts["dataset_version"]))
    try:
        return catalogue.resolve(version, root)
    except ConfigError as error:
        raise ConfigError(
            f"the dataset {version} of the model is gone, so its test split cannot judge another; "
            f"put it back into {root}, or train again"
        ) from error


def span(model: Path, since: str, until: str) -> tuple[datetime, datetime]:
    """From where the model's own captures end, or the beginning, to now, unless told otherwise.

    Never beyond now: what comes until then would belong to no span. Raises `ConfigError` for a span
    without any time.
    """
    known: Mapping[str, str] = read_facts(model).get(CAPTURES, {})
    first = _utc(since) if since else _utc(known.get("until", BEGINNING.isoformat()))
    now = datetime.now(UTC)
    last = min(_utc(until), now) if until else now
    if first >= last:
        raise ConfigError(
            f"since ({first.isoformat()}) is not before until ({last.isoformat()}); set both"
        )
    return first, last


def collect(
    store: Store,
    model: Path,
    between: tuple[datetime, datetime],
    settings: IntakeSettings,
    progress: Progress,
) -> tuple[Intake, Dataset]:
    """What people labelled of that span, guarded, and the dataset that holds it beside the old.

    Which captures it holds is noted in ``store``. Raises `DataError` where nobody labelled
    anything that can be learned from, or the newest labels lack a side to judge with.
    """
    store.drainer.drain()  # what was labelled may be spooled here still
    base = base_of(model, home.folder("datasets"))
    key = fingerprints.run_key("labels", base.version, *(one.isoformat() for one in between))
    folder = home.folder("label_intake") / key
    intake = collecting.collect(store, base, *between, settings, folder)
    if not intake.taken:
        raise DataError(_nothing_taken(intake))
    dataset = dataset_builder.build_dataset(intake.data(), home.folder("datasets"), progress)
    collecting.forget_images(folder)
    dataset.check_splits()
    dataset.check_trainable((*BASIC_SPLITS, Split.NEWEST))
    dataset_store.publish(dataset, progress)
    lineage.record_dataset(store, dataset, intake)
    return intake, dataset


def _nothing_taken(intake: Intake) -> str:
    first, last = (f"{moment:%Y-%m-%d %H:%M}" for moment in (intake.since, intake.until))
    is_bounded = intake.since > BEGINNING
    left = f"{len(intake.left_out)} labelled images were left out" if intake.left_out else ""
    return (
        f"no labelled capture to learn from {f'between {first} and' if is_bounded else 'until'} "
        f"{last} UTC ({left or 'nobody labelled any'}); label more on the console's Review"
        + (", or widen the span with --set since=MOMENT" if is_bounded else "")
    )


def captures_in(dataset: Dataset) -> frozenset[str]:
    """The ids of the images to learn from that a platform's traffic brought."""
    rows = [
        row
        for split in (Split.TRAIN, Split.VALIDATION)
        for row in dataset.table(["image_id", "source"], split).to_pylist()
    ]
    return frozenset(row["image_id"] for row in rows if row["source"] == Captures.name)


def ask_both(
    model: Path, rival: Path, dataset: Dataset, intake: Intake, progress: Progress
) -> tuple[Rivals, pd.DataFrame]:
    """What both say of the newest labels as they were served, and ``rival`` of the test split.

    The newest labels carry what of the traffic each stands for, NaN where that is unknown; the
    test split is normalised, as a training judges it.
    """
    own, other = Detector.load(model), Detector.load(rival)
    recent = predict_alike([own, other], dataset, Split.NEWEST, Variant.AS_IS, progress)
    weighed = [
        said.assign(**{WEIGHT: said["image_id"].map(intake.weights).astype("float64")})
        for said in recent
    ]
    return Rivals(*weighed), predict(other, dataset, Split.TEST, Variant.BIAS_CONTROLLED, progress)


def said_of(intake: Intake) -> dict[str, str]:
    """The span of an intake, as a model's description keeps it."""
    return {"since": intake.since.isoformat(), "until": intake.until.isoformat()}


def _utc(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
