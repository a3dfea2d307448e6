"""Step: the moved model becomes champion, or is refused with reasons; both sets are asked."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import lineage, model_registry, retraining, succession
from assay.dataset import Dataset
from assay.images import Variant
from assay.label_intake import Intake
from assay.model_folder import version_of
from assay.model_registry import Alias
from assay.progress import bar
from assay.promotion import PromotionDecision
from assay.robustness import Robustness
from assay.store import Store, StoreSettings
from assay.succession import Rivals, SuccessionSettings
from materializers.decision import DecisionMaterializer
from steps import model_versions


@step(enable_cache=False, output_materializers={"decision": DecisionMaterializer})
def succeed(
    model_version: str,
    model: Path,
    old: Path,
    dataset: Dataset,
    intake: Intake,
    predictions: pd.DataFrame,
    settings: SuccessionSettings,
    robustness: Robustness | None = None,
) -> Annotated[PromotionDecision, "decision"]:
    """Compare with the champion of this moment, and note what the model was made of."""
    _note(model, model_version, old, dataset)
    champion = model_registry.version_of(Alias.CHAMPION)
    if champion == model_version:
        already = PromotionDecision(False, (f"version {champion} is the champion already",), None)
        return model_versions.settle(model_version, already, crowned=True)
    rival = old if champion is None else model_registry.fetch(champion)
    with bar() as progress:
        recent, test = retraining.ask_both(model, rival, dataset, intake, progress)
    known = predictions[predictions["variant"] == Variant.BIAS_CONTROLLED]
    decision = succession.decide(recent, Rivals(known, test), settings, robustness)
    return model_versions.settle(model_version, decision, champion)


def _note(model: Path, version: str, old: Path, dataset: Dataset) -> None:
    parent = version_of(old)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        lineage.record_model(store, model, dataset.version, version=version, parent=parent)
