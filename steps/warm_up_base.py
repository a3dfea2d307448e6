"""Step: the base model that the adapter is fitted to."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import step

from assay import home, training
from assay.dataset import Dataset
from assay.progress import bar
from assay.training import BaseSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"base_model": ModelMaterializer})
def warm_up_base(
    dataset: Dataset, measurements: pa.Table, base: BaseSettings
) -> Annotated[Path, "base_model"]:
    """Create the base and, for a random one, train all its weights first."""
    work = home.folder("checkpoints")
    with bar() as progress:
        return training.warm_up_base(dataset, measurements, base, work, progress)
