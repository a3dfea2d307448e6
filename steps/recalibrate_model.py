"""Step: a model's probabilities, threshold and review band, moved to other labelled images."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import bundle, home, retraining
from assay.dataset import Dataset
from assay.label_intake import Intake
from assay.progress import bar
from assay.review import ReviewSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"model": ModelMaterializer})
def recalibrate_model(
    dataset: Dataset, model: Path, settings: ReviewSettings, intake: Intake | None = None
) -> Annotated[Path, "model"]:
    """Fit on all but the test split, with what the model knew before as prior."""
    made_of = model, dataset, settings, home.folder("checkpoints")
    span = retraining.said_of(intake) if intake else {}
    with bar() as progress:
        return bundle.recalibrated(*made_of, progress, span)
