"""What is known of the model that answers, and by which rules it decides."""

from __future__ import annotations

from dataclasses import dataclass, field

from assay.calibration import Calibration
from assay.fusion import Fusion
from assay.policy import Policy, Rules


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of the model that answers."""

    version: str
    family: str
    calibration: Calibration
    """Under the policy that is followed."""
    fusion: Fusion | None
    policy: Policy = field(default_factory=Policy)

    @property
    def rules(self) -> Rules:
        """What the service decides by."""
        return Rules(self.calibration, self.policy)

    @property
    def is_heard(self) -> bool:
        """Whether the model's own word counts beside the evidence."""
        return self.fusion is None or self.fusion.hears_the_model
