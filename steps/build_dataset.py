"""Step: samples of a source become a leak-free dataset."""

from typing import Annotated

from zenml import log_metadata, step

from assay import dataset_builder, dataset_store, home, sources
from assay.dataset import Dataset, DataSettings
from assay.progress import bar
from assay.records import BASIC_SPLITS, Split
from materializers.dataset import DatasetMaterializer
from steps.caching import CACHED


def fingerprint(data: DataSettings) -> str:
    """What the source would yield now, so that a changed folder is built again."""
    return sources.create(data.source, data.options).fingerprint()


@step(cache_policy=CACHED, output_materializers={"dataset": DatasetMaterializer})
def build_dataset(
    data: DataSettings, source_fingerprint: str, for_training: bool = True
) -> Annotated[Dataset, "dataset"]:
    """Build, or find again, the dataset of ``data``; what the source holds is part of the key.

    It must have what a training needs of each split, or else only what a judgement needs.
    """
    log_metadata({"source_fingerprint": source_fingerprint})
    with bar() as progress:
        built = dataset_builder.build_dataset(data, home.folder("datasets"), progress)
        built.check_splits()
        built.check_trainable(BASIC_SPLITS if for_training else (Split.TEST,))
        dataset_store.publish(built, progress)
    return built
