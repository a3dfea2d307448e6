"""A comparison as JSON; the page about it is an artifact of its own (steps/compare_models)."""

import json
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.comparison import Comparison
from assay.reports.comparison import names, sentence

_FILE = "comparison.json"


class ComparisonMaterializer(BaseMaterializer):
    """Stores a `Comparison`, every flip included."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Comparison,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Comparison:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Comparison.from_dict(json.loads(stream.read()))

    def save(self, data: Comparison) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(data.as_dict(), indent=2))

    def extract_metadata(self, data: Comparison) -> dict[str, MetadataType]:
        """The verdict, what it compares, and the difference behind it."""
        (first, second), change = names(data), data.primary.change
        return {
            "verdict": data.outcome.value,
            "summary": sentence(data),
            "first": first,
            "second": second,
            "auc_difference": round(change.value, 4),
            "auc_difference_low": round(change.low, 4),
            "auc_difference_high": round(change.high, 4),
            "flips": len(data.flips),
        }
