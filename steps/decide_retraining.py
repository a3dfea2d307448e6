"""Step: what follows from a window and those before it."""

from typing import Annotated

from zenml import step

from assay.monitoring import decision, late_labels
from assay.monitoring.decision import Action, RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.monitoring.settings import DecisionSettings, PerformanceSettings
from assay.store import Store, StoreSettings
from materializers.monitoring import MonitoringMaterializer

_REMEMBERED = 100
"""Windows before this one."""


@step(enable_cache=False, output_materializers={"retrain_decision": MonitoringMaterializer})
def decide_retraining(
    numbers: WindowNumbers, performance: PerformanceSettings, settings: DecisionSettings
) -> Annotated[RetrainDecision, "retrain_decision"]:
    """Earlier windows are read with the labels that have come since."""
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        before = store.windows.newest(limit=_REMEMBERED)[::-1]
        windows = [*(one.numbers for one in before), numbers]
        known = late_labels.judged_anew(store, windows, performance, settings)
    actions = [Action(one.action or Action.NONE) for one in before]
    return decision.decide(known, settings, actions)
