"""A robustness matrix as JSON; the page about it is an artifact of its own."""

import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.robustness import Robustness

_FILE = "robustness.json"


class RobustnessMaterializer(BaseMaterializer):
    """Stores a `Robustness`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Robustness,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Robustness:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Robustness.from_dict(json.loads(stream.read()))

    def save(self, data: Robustness) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(data.as_dict(), indent=2))

    def extract_metadata(self, data: Robustness) -> dict[str, MetadataType]:
        """The headline metrics."""
        return {name: round(metric.value, 4) for name, metric in data.headline().items()}
