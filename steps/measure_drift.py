"""Step: what moved in a window, against the traffic that its model knows."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay.monitoring import reference as references
from assay.monitoring import window
from assay.monitoring.frame import window_frame
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DriftSettings, ReferenceSettings
from assay.reports import evidently
from assay.reports.page import Page
from assay.store import Store, StoreSettings
from assay.store.traffic import Span
from materializers.monitoring import MonitoringMaterializer
from materializers.page import PageMaterializer

_STORED = {"drift": MonitoringMaterializer, "evidently": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def measure_drift(
    model: Path, span: Span, reference: ReferenceSettings, settings: DriftSettings
) -> tuple[Annotated[WindowNumbers, "drift"], Annotated[Page, "evidently"]]:
    """The captures are read here and again where they are judged: no artifact outlives them."""
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        found = references.find(store, model, reference)
        frame = window_frame(store, span.since, span.until, model_version=span.model_version)
        refused = window.refused(store, span)
    promised = window.promised_auc(model)
    numbers = window.measure(frame, span, found, refused, settings, promised)
    return numbers, evidently.page(numbers, found[1], frame)
