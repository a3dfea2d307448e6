"""Step: the challenger becomes champion, or is refused with reasons."""

from typing import Annotated

import pandas as pd
from zenml import step

from assay import model_registry, promotion
from assay.dataset import Dataset
from assay.detector import Detector
from assay.images import Variant
from assay.model_registry import Alias
from assay.predictions import predict
from assay.progress import bar
from assay.promotion import PromotionDecision, PromotionSettings
from assay.records import Split
from assay.robustness import Robustness
from materializers.decision import DecisionMaterializer
from steps import model_versions


@step(enable_cache=False, output_materializers={"decision": DecisionMaterializer})
def promote(
    model_version: str,
    dataset: Dataset,
    predictions: pd.DataFrame,
    robustness: Robustness,
    settings: PromotionSettings,
) -> Annotated[PromotionDecision, "decision"]:
    """Compare both on the same normalised test images; move alias and stage if promoted."""
    champion = model_registry.version_of(Alias.CHAMPION)
    if champion == model_version:
        already = PromotionDecision(False, (f"version {champion} is the champion already",), None)
        return model_versions.settle(model_version, already, crowned=True)
    rival = None
    if champion is not None:
        detector = Detector.load(model_registry.fetch(champion))
        with bar() as progress:
            rival = predict(detector, dataset, Split.TEST, Variant.BIAS_CONTROLLED, progress)
    challenger = predictions[predictions["variant"] == Variant.BIAS_CONTROLLED]
    decision = promotion.decide(challenger, rival, settings, robustness)
    return model_versions.settle(model_version, decision, champion)
