"""A backtest as JSON; the page about it is an artifact of its own (steps/replay_policy)."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.backtest.records import Backtest
from assay.reports.backtest import lines, sentence

_FILE = "backtest.json"


class BacktestMaterializer(BaseMaterializer):
    """Stores a `Backtest`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Backtest,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Backtest:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Backtest.model_validate_json(stream.read())

    def save(self, data: Backtest) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(data.model_dump_json(indent=2))

    def extract_metadata(self, data: Backtest) -> dict[str, MetadataType]:
        """What was compared, and the change of each number a day."""
        changes = {f"change of {line.title} a day": line.change for line in lines(data)}
        return {"summary": sentence(data), "captures": data.captures, **changes}
