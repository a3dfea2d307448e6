"""Step: one image, its verdict and the reasons."""

from pathlib import Path
from typing import Annotated, Any

from zenml import step

from assay import scoring
from assay.detector import Detector


@step(enable_cache=False)
def explain_image(model: Path, source: str) -> Annotated[dict[str, Any], "verdict"]:
    """Judge one image and let the model write its reasons."""
    return scoring.explain(Path(source), Detector.load(model)).as_dict()
