"""Score a folder, a file or a Parquet table with a registered model, one row an image."""

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.scoring import InputPath, OutputPath
from steps.explain_image import explain_image
from steps.fetch_model import fetch_model
from steps.score_images import score_images


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def score(input: InputPath, output: OutputPath = "", model: str = "champion") -> None:
    """Write ``output`` (CSV or Parquet by suffix); one image without it is explained instead.

    ``model`` is an alias or a version of the registry.
    """
    bundle = fetch_model(model)
    if output:
        score_images(bundle, input, output)
    else:
        explain_image(bundle, input)
