"""What a finished run shows beside its model on MLflow: card, reports, a verdict for each image."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from assay import dashboards, images, model_registry, picture_tables, tracking
from assay.dataset import Dataset
from assay.images import Variant
from assay.model_card import ModelCard
from assay.recording import dataset_use
from assay.records import Sample, Split
from assay.reports import model_card as cards
from assay.reports.page import Page
from assay.serving_plan import PLAN_FILE, ServingPlan

if TYPE_CHECKING:
    import pandas as pd

PREDICTIONS = "predictions.json"
"""The table of `predictions_table`."""
REPORTS = "reports"
"""The folder of the pages."""
_PUBLISHED = "published"


def publish(
    version: str, pages: Mapping[str, Page], predictions: pd.DataFrame, dataset: Dataset
) -> list[str]:
    """Store the ``pages`` and the `predictions_table` with the run of the registered ``version``.

    Returns what was uploaded: what is there already, unchanged, is not. ``predictions`` are those
    of the test split of ``dataset``, as `assay.predictions.predict` returns them.
    """
    store = tracking.client()
    run = model_registry.run_of(version)
    run_id, tags = run.info.run_id, run.data.tags
    table = predictions_table(predictions)
    present = {f.path for folder in (None, REPORTS) for f in store.list_artifacts(run_id, folder)}
    known: dict[str, str] = json.loads(tags.get(_PUBLISHED, "{}"))
    there = {file: digest for file, digest in known.items() if file in present}
    documents = {f"{REPORTS}/{name}.html": page.html for name, page in pages.items()}
    texts = {**documents, PREDICTIONS: dataset.version + table.to_json()}
    digests = {file: _digest(text) for file, text in texts.items()}
    changed = [file for file, digest in digests.items() if there.get(file) != digest]
    for file in changed:
        if file == PREDICTIONS:
            picture_tables.log(run_id, file, table, _thumbnails(dataset, table))
            tracking.log_dataset(run_id, dataset_use(dataset, "evaluation", Split.TEST))
        else:
            store.log_text(run_id, documents[file], file)
    if changed:
        store.set_tag(run_id, _PUBLISHED, json.dumps(there | digests))
    return changed


def publish_plan(run_id: str, plan: ServingPlan, page: Page) -> None:
    """Store a serving plan and the page about it with the run that tried the ways to serve."""
    store = tracking.client()
    store.log_text(run_id, plan.text(), PLAN_FILE)
    store.log_text(run_id, page.html, f"{REPORTS}/{PLAN_FILE.partition('.')[0]}.html")
    store.set_tag(run_id, model_registry.PLAN_TAG, plan.name)


def publish_card(card: ModelCard) -> None:
    """Write the card of a registered version into the registry, and into its run on MLflow.

    The version gets a description and tags, the run a note and the files ``model_card.md`` and
    ``model_card.html``. Doing it again replaces all of it.
    """
    version = card.model.version
    folder = model_registry.card_folder(version)
    page_file = f"{folder}/model_card.html"
    run = model_registry.run_of(version)
    place = run.info.experiment_id, run.info.run_id
    address = dashboards.addresses().mlflow_artifact(*place, page_file)
    whole = f"[{page_file}]({address}), among the artifacts of its run"
    if made := run.data.tags.get(tracking.ZENML_PAGE_TAG):
        whole += f"; [the run on ZenML]({made})"
    files = {"model_card.md": cards.markdown(card), "model_card.html": cards.page(card).html}
    model_registry.document(version, cards.description(card, whole), files, cards.tags(card))
    model_registry.describe_run(version, cards.note(card))


def predictions_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """One row an image: what it is, what the model says, and whether that is right.

    Columns: truth, predicted, correct, needs_review, score_as_is, score_bias_controlled, kind,
    image_id, dataset, group, seen (the model was fitted on its group). Label and review are of the
    image as it is, as it would be served; a score is the probability that it is not authentic.
    """
    scores = predictions.assign(score=1 - predictions["p_authentic"])
    by_variant = scores.pivot(index="image_id", columns="variant", values="score").round(4)
    rows = predictions[predictions["variant"] == Variant.AS_IS].set_index("image_id", drop=False)
    table = rows[["label", "predicted"]].rename(columns={"label": "truth"})
    table["correct"] = rows["label"] == rows["predicted"]
    table["needs_review"] = rows["needs_review"].astype(bool)
    for kind in Variant:
        table[f"score_{kind}"] = by_variant[kind.value]
    table["kind"] = rows["manipulation"]
    described = rows[["image_id", "dataset", "group", "seen"]]
    return table.join(described).reset_index(drop=True)


def _thumbnails(dataset: Dataset, table: pd.DataFrame) -> list[bytes]:
    """A small picture of each row's image, with the edited region outlined."""
    pictures = {s.image_id: _thumbnail(s) for s in dataset.samples(Split.TEST)}
    return [pictures[image_id] for image_id in table["image_id"]]


def _thumbnail(sample: Sample) -> bytes:
    photo = images.decode(sample.image)
    return picture_tables.thumbnail(photo.pixels, images.mask_of(sample, photo))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
