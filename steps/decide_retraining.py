"""Step: what follows from a window and those before it."""

from typing import Annotated

from zenml import step

from assay.label_intake import IntakeSettings
from assay.monitoring import deciding
from assay.monitoring.decision import RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings, PerformanceSettings
from assay.store import Store, StoreSettings
from materializers.monitoring import MonitoringMaterializer


@step(enable_cache=False, output_materializers={"retrain_decision": MonitoringMaterializer})
def decide_retraining(
    numbers: WindowNumbers,
    performance: PerformanceSettings,
    settings: DecisionSettings,
    intake: IntakeSettings,
) -> Annotated[RetrainDecision, "retrain_decision"]:
    """Earlier windows are read with the labels that have come since."""
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        return deciding.decide(store, numbers, performance, settings, intake)
