"""Step: what is expected of a dataset, and what was found."""

from typing import Annotated

from zenml import step

from assay import validation
from assay.dataset import Dataset
from assay.engines import Engine
from assay.progress import bar
from assay.validation import Validation, ValidationSettings
from materializers.validation import ValidationMaterializer
from steps.caching import CACHED


@step(cache_policy=CACHED, output_materializers={"validation": ValidationMaterializer})
def validate_dataset(
    dataset: Dataset, settings: ValidationSettings, engine: Engine = Engine.PROCESSES
) -> Annotated[Validation, "validation"]:
    """Judge; bad data raises nothing here, so that the report of it is kept."""
    with bar() as progress:
        return validation.validate(dataset, settings, progress, engine)
