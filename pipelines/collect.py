"""Collect images from platforms and hand them to the service, which captures and scores them."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.collecting import CollectSettings
from steps.collect_posts import collect_posts


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def collect(collect: CollectSettings) -> None:
    """Walk every collector on from its cursor; a run that was killed is gone on with."""
    collect_posts(collect)
