"""Step: the base model that the adapter is fitted to, followed live on MLflow."""

from pathlib import Path
from typing import Annotated

import pyarrow as pa
from zenml import get_step_context, step

from assay import home, parameters, recording, training
from assay.dataset import Dataset
from assay.progress import bar
from assay.recording import Stage
from assay.training import BaseSettings
from materializers.model import ModelMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"base_model": ModelMaterializer})
def warm_up_base(
    dataset: Dataset, measurements: pa.Table, base: BaseSettings
) -> tuple[Annotated[Path, "base_model"], Annotated[str, "warm_up_run"]]:
    """Create the base and, for a random one, train all its weights first.

    Also returns the MLflow run of that training, which the adapter's names; empty without one.
    """
    run, made_of = get_step_context().pipeline_run, (dataset, measurements, base)
    given, work = parameters.flatten(run.config.parameters or {}), home.folder("checkpoints")
    with bar() as progress:
        if not base.warm_up:
            return training.warm_up_base(*made_of, work, progress), ""
        with recording.training_run(Stage.WARM_UP, run.name, given, dataset) as recorder:
            heard = progress, recorder.metrics, recorder.answers
            return training.warm_up_base(*made_of, work, *heard), recorder.run_id
