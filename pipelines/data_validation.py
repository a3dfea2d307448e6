"""Build a dataset and check it: schema, labels, masks, splits without leakage, shortcuts."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.dataset import DataSettings
from assay.validation import ValidationSettings
from steps.accept_dataset import accept_dataset
from steps.build_dataset import build_dataset, fingerprint
from steps.validate_dataset import validate_dataset


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def data_validation(
    data: DataSettings = DataSettings(), validation: ValidationSettings = ValidationSettings()
) -> None:
    """Stop with the reason where the data cannot be trained on, after the report is stored."""
    dataset = build_dataset(data, fingerprint(data))
    accept_dataset(validate_dataset(dataset, validation, data.engine))
