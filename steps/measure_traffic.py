"""Step: the evidence of labelled captures, as a platform served them."""

from typing import Annotated

import pyarrow as pa
from zenml import step

from assay import home, measuring, retraining
from assay.dataset import Dataset
from assay.images import Variant
from assay.progress import bar
from assay.records import Split
from materializers.table import TableMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"traffic": TableMaterializer})
def measure_traffic(dataset: Dataset) -> Annotated[pa.Table, "traffic"]:
    """A row a capture to learn from: what is fitted to these is used on such."""
    wanted, splits = retraining.captures_in(dataset), (Split.TRAIN, Split.VALIDATION)
    form, kept = Variant.AS_IS, home.folder("measurements")
    with bar() as progress:
        return measuring.measure_dataset(dataset, splits, form, None, progress, wanted, kept)
