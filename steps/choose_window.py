"""Step: which captures the next window of a model holds."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay.model_folder import version_of
from assay.monitoring import reference as references
from assay.monitoring import window
from assay.monitoring.settings import ReferenceSettings, WindowSettings
from assay.progress import bar
from assay.store import Store, StoreSettings
from assay.store.traffic import Span
from materializers.monitoring import MonitoringMaterializer


@step(enable_cache=False, output_materializers={"span": MonitoringMaterializer})
def choose_window(
    model: Path, settings: WindowSettings, reference: ReferenceSettings
) -> Annotated[Span, "span"]:
    """What came since the last window that was large enough, and after the reference."""
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        with bar() as progress:
            about, _ = references.find(store, model, reference, progress)
        return window.choose(store, version_of(model), about, settings)
