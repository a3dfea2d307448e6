"""Step: the reasons that a model is to learn, where a teacher is asked for them."""

from typing import Annotated

import pyarrow as pa
from zenml import get_step_context, log_metadata, step

from assay import home
from assay.dataset import Dataset
from assay.progress import bar
from assay.rationales import reasons, writing
from assay.rationales.settings import TeacherSettings
from assay.reports import rationales as report
from assay.reports.page import Page
from materializers.page import PageMaterializer
from materializers.table import TableMaterializer
from steps.caching import CACHED

_STORED = {"rationales": TableMaterializer, "rationales_report": PageMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def write_rationales(
    dataset: Dataset, measurements: pa.Table, settings: TeacherSettings
) -> tuple[Annotated[pa.Table, "rationales"], Annotated[Page, "rationales_report"]]:
    """Ask the teacher; the offline one needs no asking, and the table stays empty."""
    answers, kept = home.folder("rationales"), home.folder("measurements")
    made_of = dataset, measurements, settings, answers
    with bar() as progress:
        written = writing.write(*made_of, progress, kept=kept)
    account = reasons.account_of(written)
    context = get_step_context()
    facts = {"teacher": account.teacher, **account.figures()}
    log_metadata(facts, step_id=context.step_run.id)
    return written, report.page(written, account)
