"""Step: a window on record, with its pages: in the store, on MLflow, and for the console."""

from typing import Annotated

from zenml import get_step_context, step

from assay.monitoring.decision import RetrainDecision
from assay.monitoring.numbers import WindowNumbers
from assay.reports import monitoring, trend
from assay.reports.page import Page
from assay.store import Store, StoreSettings
from assay.window_recording import monitor_run
from materializers.page import PageMaterializer
from steps import links

_DRAWN = 60
"""Windows before this one."""
_STORED = {"monitor_report": PageMaterializer, "trend": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def record_window(
    numbers: WindowNumbers, evidently: Page, decision: RetrainDecision
) -> tuple[Annotated[Page, "monitor_report"], Annotated[Page, "trend"]]:
    """Last of all: a window that is on record has everything."""
    report = monitoring.page(numbers, decision.action.value, decision.reasons)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        before = [(one.numbers, one.action) for one in store.windows.newest(limit=_DRAWN)]
        over_time = trend.page([*before, (numbers, decision.action.value)])
        pages = {"report": report.html, "trend": over_time.html, "evidently": evidently.html}
        with monitor_run(get_step_context().pipeline_run.name, numbers, decision, pages) as run_id:
            links.to_training(run_id)
        decided = decision.action.value, decision.reasons, decision.evidence
        store.windows.add(numbers, *decided, pages)
    return report, over_time
