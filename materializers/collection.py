"""What a run of collectors came to, as JSON."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.collecting import Collection

_FILE = "collection.json"


class CollectionMaterializer(BaseMaterializer):
    """Stores a `Collection`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Collection,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> Collection:
        """Read the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "r") as stream:
            return Collection.model_validate_json(stream.read())

    def save(self, data: Collection) -> None:
        """Write the JSON."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "w") as stream:
            stream.write(data.model_dump_json(indent=2))

    def extract_metadata(self, data: Collection) -> dict[str, MetadataType]:
        """Images handed in, and how each collector ended."""
        endings: dict[str, MetadataType] = {one.name: one.ending.value for one in data.gathered}
        return {"handed_in": sum(one.handed_in for one in data.gathered), **endings}
