"""Step: one turn of the loop, on from where a killed one stopped."""

import os
from datetime import timedelta
from typing import Annotated

from zenml import step

from assay import processes
from assay.loop.pipelines import stages
from assay.loop.settings import LoopSettings
from assay.loop.telling import Teller
from assay.loop.turn import Turn
from assay.notifications import Notifier
from assay.progress import bar
from assay.reports import loop as report
from assay.reports.page import Page
from assay.store import Store, StoreSettings
from assay.store.loops import LoopRun
from materializers.loop_run import LoopRunMaterializer
from materializers.page import PageMaterializer
from steps import links, model_versions

_STORED = {"loop": LoopRunMaterializer, "loop_report": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def turn_loop(
    settings: LoopSettings,
) -> tuple[Annotated[LoopRun, "loop"], Annotated[Page, "loop_report"]]:
    """How the turn ended, and its page; one step, as one process holds the lock."""
    opened = Store.open(StoreSettings.from_environment(), drain=False, patience=None)
    with opened as store, Notifier.from_environment() as notifier, bar() as progress:
        teller = Teller(store.loops, notifier, os.environ.get("ASSAY_PUBLIC_URL", ""))
        planned = stages(store, settings, model_versions.crown)
        age, who = timedelta(hours=settings.stale_hours), processes.user()
        turn = Turn(store.loops, planned, who, settings.attempts, max_age=age, begun=teller.begun)
        run = turn.take(progress)
        teller.ended()
        return run, report.page(run, links.pages(str(run.fact("version") or "")))
