"""Step: the gate before anything that trains."""

from typing import Annotated

from zenml import step

from assay import validation
from assay.validation import Validation
from steps.caching import CACHED


@step(cache_policy=CACHED)
def accept_dataset(report: Validation) -> Annotated[str, "accepted_dataset"]:
    """Return the version of a dataset that passed; raise the refusal of one that did not."""
    validation.check(report)
    return report.dataset_version
