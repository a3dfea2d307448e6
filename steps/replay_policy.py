"""Step: a platform's own captures, decided again; reads the store and changes nothing of it."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import home
from assay.backtest import running
from assay.backtest.records import Backtest
from assay.backtest.settings import BacktestSettings
from assay.progress import bar
from assay.reports import backtest as report
from assay.reports.page import Page
from assay.store import Store, StoreSettings
from materializers.backtest import BacktestMaterializer
from materializers.page import PageMaterializer
from materializers.table import TableMaterializer

_STORED = {
    "backtest": BacktestMaterializer,
    "backtest_rows": TableMaterializer,
    "backtest_report": PageMaterializer,
}


@step(enable_cache=False, output_materializers=_STORED)
def replay_policy(
    model: Path, captures: str, policy: str, settings: BacktestSettings
) -> tuple[
    Annotated[Backtest, "backtest"],
    Annotated[pd.DataFrame, "backtest_rows"],
    Annotated[Page, "backtest_report"],
]:
    """The numbers, a row a capture, and the page."""
    asked = running.Asked(captures, model, policy, settings)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        with bar() as progress:
            found, rows = running.run(store, asked, home.folder("backtests"), progress)
        return found, rows, report.page(found, rows, store.captures.image)
