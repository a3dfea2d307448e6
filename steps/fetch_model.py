"""Step: a registered model as a directory."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import model_registry
from materializers.model import ModelMaterializer


@step(enable_cache=False, output_materializers={"model": ModelMaterializer})
def fetch_model(name: str) -> Annotated[Path, "model"]:
    """The model called so (`assay.model_registry.fetch`); never cached, because aliases move."""
    return model_registry.fetch(name)
