"""Step: weights for the experts, followed live on MLflow."""

from pathlib import Path
from typing import Annotated

from zenml import get_step_context, log_metadata, step

from assay import home, parameters, recording, tracking
from assay.experts import photographs
from assay.experts.card import ExpertsCard
from assay.experts.settings import PretrainingSettings
from assay.progress import bar
from assay.recording import Stage
from assay.reports import experts as report
from assay.reports.page import Page
from materializers.model import ModelMaterializer
from materializers.page import PageMaterializer
from steps import links
from steps.caching import CACHED

_STORED = {"experts": ModelMaterializer, "experts_card": PageMaterializer}


def content_hash(folder: str) -> str:
    """What the photographs of ``folder`` are now, so that others are trained on again."""
    return photographs.gather(Path(folder)).content_hash


@step(cache_policy=CACHED, output_materializers=_STORED)
def pretrain_experts(
    folder: str, photographs_hash: str, settings: PretrainingSettings
) -> tuple[Annotated[Path, "experts"], Annotated[Page, "experts_card"]]:
    """Return weights with their card, and that as a page; goes on where a kill stopped it."""
    from assay.experts.forensic.pretraining import pretrain

    log_metadata({"photographs_hash": photographs_hash})
    run, found = get_step_context().pipeline_run, photographs.gather(Path(folder))
    given = parameters.flatten(run.config.parameters or {})
    use = recording.photographs_use(found, Path(folder))
    opened = recording.training_run(Stage.EXPERTS, run.name, given, use)
    with opened as recorder, bar() as progress:
        links.to_training(recorder.run_id)
        work, commit = home.folder("checkpoints"), tracking.git_commit()
        experts = pretrain(found, work, settings, commit, progress, recorder.metrics)
    return experts, report.page(ExpertsCard.load(experts))
