"""Step: findings count as a platform's labels teach, where that holds, and scores fit it."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import step

from assay import bundle, home, retraining
from assay.dataset import Dataset
from assay.label_intake import Intake
from assay.model_folder import RETRAINED
from assay.progress import bar
from assay.review import ReviewSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"model": ModelMaterializer})
def calibrate_on_traffic(
    dataset: Dataset,
    measurements: pa.Table,
    traffic: pa.Table,
    adapter: Path,
    champion: Path,
    intake: Intake,
    settings: ReviewSettings,
) -> Annotated[Path, "model"]:
    """Fuse, calibrate and move to the captures; the description says from which model."""
    span = retraining.said_of(intake)
    facts = bundle.origin(RETRAINED, champion, dataset, span)
    made_of = adapter, dataset, measurements, settings, home.folder("checkpoints")
    with bar() as progress:
        return bundle.calibrated(*made_of, progress, traffic, facts)
