"""A report page, shown in the dashboard as it is."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

from assay.reports.page import Page

_FILE = "page.html"
_TITLE = "title.txt"


class PageMaterializer(BaseMaterializer):
    """Stores a `Page`; the stored file is also what the dashboard shows."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Page,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA_ANALYSIS

    def load(self, data_type: type[Any]) -> Page:
        """Read title and document."""
        return Page(self._read(_TITLE), self._read(_FILE))

    def save(self, data: Page) -> None:
        """Write title and document."""
        for name, text in ((_TITLE, data.title), (_FILE, data.html)):
            with self.artifact_store.open(f"{self.uri}/{name}", "w") as stream:
                stream.write(text)

    def save_visualizations(self, data: Page) -> dict[str, VisualizationType]:
        """The document itself."""
        return {f"{self.uri}/{_FILE}": VisualizationType.HTML}

    def extract_metadata(self, data: Page) -> dict[str, MetadataType]:
        """The title."""
        return {"title": data.title}

    def _read(self, name: str) -> str:
        with self.artifact_store.open(f"{self.uri}/{name}", "r") as stream:
            return str(stream.read())
