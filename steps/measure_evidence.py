"""Step: the evidence of the images that models are fitted on."""

from typing import Annotated

import pyarrow as pa
from zenml import step

from assay import home, measuring
from assay.dataset import Dataset
from assay.engines import Engine
from assay.images import Variant
from assay.progress import bar
from assay.records import BASIC_SPLITS, Split
from materializers.table import TableMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"measurements": TableMaterializer})
def measure_evidence(
    dataset: Dataset, with_test: bool = False, engine: Engine = Engine.PROCESSES
) -> Annotated[pa.Table, "measurements"]:
    """Measure in the form that training sees: every image normalised alike.

    Where datasets are left out, an image of the test split is one to train on in other folds.
    """
    splits = BASIC_SPLITS if with_test else (Split.TRAIN, Split.VALIDATION)
    form, kept = Variant.BIAS_CONTROLLED, home.folder("measurements")
    with bar() as progress:
        return measuring.measure_dataset(
            dataset, splits, form, None, progress, kept=kept, engine=engine
        )
