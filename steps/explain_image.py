"""Step: one image, its verdict and the reasons."""

from pathlib import Path
from typing import Annotated, Any

from zenml import step

from assay import images, scoring
from assay.detector import Detector
from assay.reports import evidence
from assay.reports.page import Page
from materializers.page import PageMaterializer


@step(enable_cache=False, output_materializers={"evidence_report": PageMaterializer})
def explain_image(
    model: Path, source: str
) -> tuple[Annotated[dict[str, Any], "verdict"], Annotated[Page, "evidence_report"]]:
    """Judge one image, let the model write its reasons, and show what was measured."""
    verdict = scoring.explain(Path(source), Detector.load(model))
    photo = images.decode(Path(source).read_bytes())
    return verdict.as_dict(), evidence.page(photo, verdict, Path(source).name)
