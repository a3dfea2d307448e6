"""Mirror the registry's versions in ZenML's model control plane: same numbers, matching stages."""

from zenml import get_step_context
from zenml.client import Client
from zenml.enums import ModelStages
from zenml.exceptions import EntityExistsError
from zenml.model.utils import link_artifact_version_to_model_version
from zenml.models import ModelVersionResponse

from assay.model_registry import MODEL, Alias

STAGES = {Alias.CHALLENGER: ModelStages.STAGING, Alias.CHAMPION: ModelStages.PRODUCTION}


def mirror(version: str) -> ModelVersionResponse:
    """The ZenML model version called ``version``, with this step's input artifacts linked to it."""
    mirrored = _version(version)
    for inputs in get_step_context().step_run.inputs.values():
        for artifact in inputs if isinstance(inputs, list) else [inputs]:
            link_artifact_version_to_model_version(artifact, mirrored)
    return mirrored


def set_stage(version: str, alias: Alias) -> None:
    """Move ``version`` to the stage of ``alias``; who held it before is archived."""
    Client().update_model_version(MODEL, version, stage=STAGES[alias], force=True)


def _version(name: str) -> ModelVersionResponse:
    client = Client()
    try:
        client.create_model(MODEL, description="Was this image manipulated or synthesized?")
    except EntityExistsError:
        pass
    try:
        return client.create_model_version(MODEL, name)
    except EntityExistsError:
        return client.get_model_version(MODEL, name)
