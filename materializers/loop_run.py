"""A turn of the loop as JSON."""

import json
from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.store.loops import LoopRun

_FILE = "loop.json"
_RUN = TypeAdapter(LoopRun)


class LoopRunMaterializer(BaseMaterializer):
    """Stores a `LoopRun`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (LoopRun,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> LoopRun:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return _RUN.validate_json(stream.read())

    def save(self, data: LoopRun) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(json.dumps(_RUN.dump_python(data, mode="json"), indent=2))

    def extract_metadata(self, data: LoopRun) -> dict[str, MetadataType]:
        """How it ended, and why."""
        stages = [stage.name for stage in data.stages]
        ended = {"turn": data.id, "state": data.state.value}
        return {**ended, "reasons": list(data.reasons), "stages": stages}
