"""Build a dataset and check it: schema, splits without leakage, what is in it."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from steps.build_dataset import build_dataset, fingerprint


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def data_validation(data: DataSettings = DataSettings()) -> None:
    """Stop with the reason where the data cannot be trained on."""
    build_dataset(data, fingerprint(data))
