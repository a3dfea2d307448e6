"""Step: samples of a source become a leak-free dataset."""

from typing import Annotated

from zenml import log_metadata, step

from assay import dataset, home
from assay.dataset import Dataset, DataSettings
from assay.progress import bar
from materializers.dataset import DatasetMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"dataset": DatasetMaterializer})
def build_dataset(data: DataSettings, fingerprint: str) -> Annotated[Dataset, "dataset"]:
    """Build, or find again, the dataset of ``data``; ``fingerprint`` is its source's content."""
    log_metadata({"source_fingerprint": fingerprint})
    with bar() as progress:
        built = dataset.build_dataset(data, home.folder("datasets"), progress)
    built.check_splits()
    return built
