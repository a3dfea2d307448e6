"""A promotion decision as JSON."""

import json
from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.promotion import PromotionDecision

_FILE = "decision.json"
_DECISION = TypeAdapter(PromotionDecision)


class DecisionMaterializer(BaseMaterializer):
    """Stores a `PromotionDecision`; a refusal is a value like any other."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (PromotionDecision,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> PromotionDecision:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return _DECISION.validate_json(stream.read())

    def save(self, data: PromotionDecision) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(_DECISION.dump_python(data, mode="json"), indent=2))

    def extract_metadata(self, data: PromotionDecision) -> dict[str, MetadataType]:
        """The outcome and its reasons."""
        return {"promoted": data.promoted, "reasons": list(data.reasons)}
