"""Step: the trained model gets its probabilities, its threshold and its review band."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import step

from assay import bundle, home
from assay.dataset import Dataset
from assay.progress import bar
from assay.review import ReviewSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"model": ModelMaterializer})
def calibrate(
    dataset: Dataset, measurements: pa.Table, adapter: Path, settings: ReviewSettings
) -> Annotated[Path, "model"]:
    """Fuse model and evidence, fit the calibration, and store both with the model."""
    work = home.folder("checkpoints")
    with bar() as progress:
        return bundle.calibrated(adapter, dataset, measurements, settings, work, progress)
