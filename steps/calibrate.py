"""Step: the trained model gets its probabilities, its threshold and its review band."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import bundle, home
from assay.dataset import Dataset
from assay.progress import bar
from assay.review import ReviewSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"model": ModelMaterializer})
def calibrate(
    dataset: Dataset, adapter: Path, settings: ReviewSettings
) -> Annotated[Path, "model"]:
    """Fit the calibration on validation images and store it with the model."""
    with bar() as progress:
        return bundle.calibrated(adapter, dataset, settings, home.folder("checkpoints"), progress)
