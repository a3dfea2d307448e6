"""A model as its directory of safetensors and JSON."""

from pathlib import Path
from typing import Any, ClassVar

from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer

from assay.fingerprints import content_hash
from materializers import directories


class ModelMaterializer(BaseMaterializer):
    """Stores a model directory given by its path; used where a step asks for it."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Path,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL
    SKIP_REGISTRATION: ClassVar[bool] = True

    def load(self, data_type: type[Any]) -> Path:
        """The path of the stored directory; read-only."""
        return directories.download(self.uri, self.artifact_store)

    def save(self, data: Path) -> None:
        """Store the directory."""
        directories.upload(data, self.uri, self.artifact_store)

    def compute_content_hash(self, data: Path) -> str:
        """Hash of names and bytes, the same that the model registry knows it by."""
        return content_hash(data)
