"""A dataset as its directory of Parquet shards."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.dataset import Dataset
from assay.reports import dataset as report
from materializers import directories

_PAGE = "dataset.html"


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

    def save_visualizations(self, data: Dataset) -> dict[str, VisualizationType]:
        """Counts, origins, licences and a contact sheet."""
        page = f"{self.uri}/{_PAGE}"
        with self.artifact_store.open(page, "w") as stream:
            stream.write(report.page(data).html)
        return {page: VisualizationType.HTML}

    def compute_content_hash(self, data: Dataset) -> str:
        """Equal datasets serve equal cached results, whoever built them."""
        return data.version

    def extract_metadata(self, data: Dataset) -> dict[str, MetadataType]:
        """Version, size and rows by label, kind, split and dataset."""
        return {"version": data.version, "rows": len(data), "summary": data.summary()}
