"""How a target stands after a deployment, as JSON; a release that was refused is a value too."""

import json
from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.store.standing import Standing

_FILE = "deployment.json"
_STANDING = TypeAdapter(Standing)


class StandingMaterializer(BaseMaterializer):
    """Stores a `Standing`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Standing,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> Standing:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return _STANDING.validate_json(stream.read())

    def save(self, data: Standing) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(_STANDING.dump_python(data, mode="json"), indent=2))

    def extract_metadata(self, data: Standing) -> dict[str, MetadataType]:
        """What answers where, and what became of the deployment."""
        facts: dict[str, MetadataType] = {"target": data.target, "answers": data.answers or ""}
        if data.deployment is not None:
            facts |= {"deployment": data.deployment.id, "state": data.deployment.state.value}
            facts |= {"reasons": list(data.deployment.reasons)}
        return facts
