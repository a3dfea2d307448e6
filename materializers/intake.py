"""An intake of labels as JSON."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.label_intake import Intake

_FILE = "intake.json"


class IntakeMaterializer(BaseMaterializer):
    """Stores an `Intake`: what was taken, what was left out, and why."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Intake,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> Intake:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Intake.model_validate_json(stream.read())

    def save(self, data: Intake) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(data.model_dump_json(indent=1))

    def extract_metadata(self, data: Intake) -> dict[str, MetadataType]:
        """Counts; names nobody."""
        return data.summary()
