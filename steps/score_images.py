"""Step: a row for each image of a folder, file or table."""

from pathlib import Path
from typing import Annotated

import pandas as pd
from zenml import step

from assay import scoring
from assay.detector import Detector
from assay.progress import bar
from materializers.table import TableMaterializer


@step(enable_cache=False, output_materializers={"scores": TableMaterializer})
def score_images(model: Path, source: str, output: str) -> Annotated[pd.DataFrame, "scores"]:
    """Write ``output`` and return its rows."""
    detector = Detector.load(model)
    with bar() as progress:
        return scoring.score(Path(source), Path(output), detector, progress)
