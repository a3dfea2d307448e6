"""Step: how well a window was judged, from what people have decided so far."""

from typing import Annotated

from zenml import step

from assay.monitoring import late_labels
from assay.monitoring.frame import window_frame
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import PerformanceSettings
from assay.store import Store, StoreSettings
from materializers.monitoring import MonitoringMaterializer


@step(enable_cache=False, output_materializers={"window": MonitoringMaterializer})
def measure_performance(
    numbers: WindowNumbers, settings: PerformanceSettings
) -> Annotated[WindowNumbers, "window"]:
    """Weighed so that the review queue does not pass for the traffic."""
    version = numbers.model_version
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        frame = window_frame(store, numbers.since, numbers.until, model_version=version)
    return late_labels.judged(numbers, frame, settings)
