"""A serving plan as the JSON file that the service reads."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.serving_plan import PLAN_FILE, ServingPlan


class ServingPlanMaterializer(BaseMaterializer):
    """Stores a `ServingPlan`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (ServingPlan,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> ServingPlan:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{PLAN_FILE}", "r") as stream:
            return ServingPlan.model_validate_json(stream.read())

    def save(self, data: ServingPlan) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{PLAN_FILE}", "w") as stream:
            stream.write(data.text())

    def extract_metadata(self, data: ServingPlan) -> dict[str, MetadataType]:
        """The choices and why."""
        return {
            "name": data.name,
            "model_version": data.model_version,
            "choices": list(data.choices),
            "reasons": list(data.reasons),
            "speed_up": round(data.speed_up, 2),
        }
