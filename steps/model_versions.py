"""Mirror the registry's versions in ZenML's model control plane: same numbers, matching stages."""

import contextlib

from zenml import get_step_context
from zenml.client import Client
from zenml.enums import ModelStages
from zenml.exceptions import EntityExistsError
from zenml.model.utils import link_artifact_version_to_model_version
from zenml.models import ModelVersionResponse

from assay.model_registry import MODEL, Alias

STAGES = {Alias.CHALLENGER: ModelStages.STAGING, Alias.CHAMPION: ModelStages.PRODUCTION}


def mirror(version: str) -> None:
    """Create the ZenML version of ``version`` if needed, and link this step's inputs to it."""
    mirrored = _version(_name(version))
    for inputs in get_step_context().step_run.inputs.values():
        for artifact in inputs:
            link_artifact_version_to_model_version(artifact, mirrored)


def set_stage(version: str, alias: Alias) -> None:
    """Move ``version`` to the stage of ``alias``; who held it before is archived."""
    Client().update_model_version(MODEL, _name(version), stage=STAGES[alias], force=True)


def _name(version: str) -> str:
    """ZenML keeps bare numbers for itself."""
    return f"v{version}"


def _version(name: str) -> ModelVersionResponse:
    client = Client()
    with contextlib.suppress(EntityExistsError):
        client.create_model(MODEL, description="Was this image manipulated or synthesized?")
    try:
        return client.create_model_version(MODEL, name)
    except EntityExistsError:
        return client.get_model_version(MODEL, name)
