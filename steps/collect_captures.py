"""Step: what people labelled of a span of traffic joins the dataset of a model."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import retraining
from assay.dataset import Dataset
from assay.label_intake import Intake, IntakeSettings
from assay.progress import bar
from assay.store import Store, StoreSettings
from materializers.dataset import DatasetMaterializer
from materializers.intake import IntakeMaterializer

_STORED = {"intake": IntakeMaterializer, "dataset": DatasetMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def collect_captures(
    model: Path, since: str, until: str, settings: IntakeSettings
) -> tuple[Annotated[Intake, "intake"], Annotated[Dataset, "dataset"]]:
    """Never cached: votes are undone and captures deleted at any time."""
    between = retraining.span(model, since, until)
    with (
        bar() as progress,
        Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store,
    ):
        intake, dataset = retraining.collect(store, model, between, settings, progress)
    return intake, dataset
