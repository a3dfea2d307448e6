"""What the steps of the monitor hand on: spans, numbers and decisions, as JSON."""

from typing import Any, ClassVar

from pydantic import TypeAdapter
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay import window_recording
from assay.monitoring.decision import RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.store.traffic import Span

_FILE = "monitoring.json"
_Stored = Span | WindowNumbers | RetrainDecision


class MonitoringMaterializer(BaseMaterializer):
    """Stores a `Span`, `WindowNumbers` or a `RetrainDecision`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Span, WindowNumbers, RetrainDecision)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> _Stored:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            found: _Stored = TypeAdapter(data_type).validate_json(stream.read())
        return found

    def save(self, data: _Stored) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(TypeAdapter(type(data)).dump_json(data, indent=1).decode())

    def extract_metadata(self, data: _Stored) -> dict[str, MetadataType]:
        """Which captures, what moved and the figures, or what was decided and why."""
        if isinstance(data, Span):
            ends = {"since": str(data.since), "until": str(data.until)}
            return {"model_version": data.model_version, **ends}
        if isinstance(data, RetrainDecision):
            return {"action": data.action.value, "reasons": list(data.reasons)}
        moved = [column.name for column in data.drifted]
        return {"is_enough": data.is_enough, "drifted": moved, **window_recording.metrics(data)}
