"""A dataset as its directory of Parquet shards."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.dataset import Dataset
from materializers import directories


class DatasetMaterializer(BaseMaterializer):
    """Stores a `Dataset`; its version is its content hash."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Dataset,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> Dataset:
        """Open the stored directory."""
        return Dataset(directories.download(self.uri, self.artifact_store))

    def save(self, data: Dataset) -> None:
        """Store the directory."""
        directories.upload(data.path, self.uri, self.artifact_store)

    def compute_content_hash(self, data: Dataset) -> str:
        """Equal datasets serve equal cached results, whoever built them."""
        return data.version

    def extract_metadata(self, data: Dataset) -> dict[str, MetadataType]:
        """Version, size and rows by label, kind, split and dataset."""
        return {"version": data.version, "rows": len(data), "summary": data.summary()}
