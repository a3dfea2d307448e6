"""A validation as JSON, with its page shown in the dashboard."""

import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.rejections import kinds
from assay.reports import dropped
from assay.reports import validation as report
from assay.validation import Validation

_FILE = "validation.json"
_PAGE = "validation.html"
_DROPPED = "dropped.csv"


class ValidationMaterializer(BaseMaterializer):
    """Stores a `Validation`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Validation,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Validation:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Validation.from_dict(json.loads(stream.read()))

    def save(self, data: Validation) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(data.as_dict(), indent=1))
        with self.artifact_store.open(f"{self.uri}/{_DROPPED}", "wb") as stream:
            stream.writelines(dropped.listing(data.rejected))

    def save_visualizations(self, data: Validation) -> dict[str, VisualizationType]:
        """The page, whether or not the dataset passed."""
        page = f"{self.uri}/{_PAGE}"
        with self.artifact_store.open(page, "w") as stream:
            stream.write(report.page(data).html)
        return {page: VisualizationType.HTML}

    def extract_metadata(self, data: Validation) -> dict[str, MetadataType]:
        """Whether it passed, what failed, what is in the way, and how many rows were left out."""
        return {
            "dataset_version": data.dataset_version,
            "passed": data.passed,
            "failed_expectations": [expectation.name for expectation in data.broken],
            "warnings": [expectation.name for expectation in data.warnings],
            "blocking_shortcuts": [probe.exception for probe in data.blocking],
            "rejected_rows": len(data.rejected),
            "rejected_by_kind": {kind.reason: kind.count for kind in kinds(data.rejected)},
        }
