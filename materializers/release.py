"""A release as the JSON of its record; the built bento stays where it is."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.release import Release

_FILE = "release.json"


class ReleaseMaterializer(BaseMaterializer):
    """Stores a `Release`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Release,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.SERVICE

    def load(self, data_type: type[Any]) -> Release:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Release.model_validate_json(stream.read())

    def save(self, data: Release) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(data.model_dump_json(indent=2))

    def extract_metadata(self, data: Release) -> dict[str, MetadataType]:
        """What was packaged, and where it lies."""
        return {name: str(value) for name, value in data.model_dump(mode="json").items()}
