"""An evaluation as JSON, with its table shown in the dashboard."""

import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.evaluation import Evaluation
from assay.reports import terminal

_FILE = "evaluation.json"
_PAGE = "evaluation.html"


class EvaluationMaterializer(BaseMaterializer):
    """Stores an `Evaluation`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Evaluation,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Evaluation:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Evaluation.from_dict(json.loads(stream.read()))

    def save(self, data: Evaluation) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(data.as_dict(), indent=2))

    def save_visualizations(self, data: Evaluation) -> dict[str, VisualizationType]:
        """The tables of the closing report, as a page."""
        page = f"{self.uri}/{_PAGE}"
        with self.artifact_store.open(page, "w") as stream:
            stream.write(terminal.as_html(terminal.metrics(data), terminal.slices(data)))
        return {page: VisualizationType.HTML}

    def extract_metadata(self, data: Evaluation) -> dict[str, MetadataType]:
        """The headline metrics."""
        return {name: round(metric.value, 4) for name, metric in data.headline().items()}
