"""Step: what becomes of a model's decisions when photos are passed on, as numbers and a page."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import home, robustness
from assay.calibration import Calibration
from assay.dataset import Dataset
from assay.detector import Detector
from assay.fingerprints import content_hash, run_key
from assay.model_folder import CALIBRATION_FILE
from assay.progress import bar
from assay.reports import robustness as report
from assay.reports.page import Page
from assay.robustness import Robustness, RobustnessSettings
from materializers.page import PageMaterializer
from materializers.robustness import RobustnessMaterializer
from steps.caching import CACHED

_STORED = {"robustness": RobustnessMaterializer, "robustness_report": PageMaterializer}


@step(cache_policy=CACHED, output_materializers=_STORED)
def measure_robustness(
    dataset: Dataset, model: Path, settings: RobustnessSettings
) -> tuple[Annotated[Robustness, "robustness"], Annotated[Page, "robustness_report"]]:
    """Judge test images before and after each perturbation; goes on where a kill stopped it."""
    key = run_key("robustness", content_hash(model), dataset.version, settings)
    made = Detector.load(model), Calibration.load(model / CALIBRATION_FILE)
    work = home.folder("checkpoints") / key
    with bar() as progress:
        found = robustness.measure(*made, dataset, settings, work, progress)
    return found, report.page(found)
