"""Step: what a model says about the test split, as received and with biases controlled."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay.dataset import Dataset
from assay.detector import Detector
from assay.predictions import predict_variants
from assay.progress import bar
from assay.records import Split
from materializers.table import TableMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"predictions": TableMaterializer})
def predict_test_images(dataset: Dataset, model: Path) -> Annotated[pd.DataFrame, "predictions"]:
    """A row an image and variant; the same model on the same dataset is asked once."""
    with bar() as progress:
        return predict_variants(Detector.load(model), dataset, Split.TEST, progress)
