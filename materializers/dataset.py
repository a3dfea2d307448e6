"""A dataset as its directory of Parquet shards, or as the name of one that machines share."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay import catalogue, dataset_store, home
from assay.dataset import Dataset
from assay.reports import dataset as report
from materializers import directories

_PAGE = "dataset.html"
_REFERENCE = "version.txt"


class DatasetMaterializer(BaseMaterializer):
    """Stores a `Dataset`; its version is its content hash."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Dataset,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> Dataset:
        """Open the stored directory, or the shared dataset, here or fetched."""
        reference = f"{self.uri}/{_REFERENCE}"
        if not self.artifact_store.exists(reference):
            return Dataset(directories.download(self.uri, self.artifact_store))
        with self.artifact_store.open(reference, "r") as stream:
            return catalogue.resolve(stream.read().strip(), home.folder("datasets"))

    def save(self, data: Dataset) -> None:
        """Store the directory; a remote store gets the version alone of what is shared anyway."""
        if self.artifact_store.config.is_local or dataset_store.publish(data) is None:
            directories.upload(data.path, self.uri, self.artifact_store)
            return
        with self.artifact_store.open(f"{self.uri}/{_REFERENCE}", "w") as stream:
            stream.write(data.version)

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
