"""Step: a model and its serving plan, packaged with the code that serves them."""

from pathlib import Path
from typing import Annotated

from zenml import step

from assay import model_registry
from assay import release as releases
from assay.release import Release
from materializers.release import ReleaseMaterializer


@step(enable_cache=False, output_materializers={"release": ReleaseMaterializer})
def build_release(model: Path) -> Annotated[Release, "release"]:
    """The release of ``model`` with its plan; the same content gives the one that there is."""
    facts = model_registry.describe(model)
    plan = model_registry.fetch_plan(facts.version) if facts.version else None
    return releases.build(model, facts, plan)
