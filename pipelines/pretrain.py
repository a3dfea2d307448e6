"""Train the experts' network anew, on generated edits of your photographs; takes hours."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.experts.settings import PhotographFolder, PretrainingSettings
from steps.pretrain_experts import content_hash, pretrain_experts


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def pretrain(
    photographs: PhotographFolder, pretraining: PretrainingSettings = PretrainingSettings()
) -> None:
    """Make weights for both experts from a folder of authentic photographs."""
    pretrain_experts(photographs, content_hash(photographs), pretraining)
