"""Mirror the registry's versions in ZenML's model control plane: same numbers, matching stages."""

import contextlib
from collections.abc import Mapping

from zenml import get_step_context, log_metadata
from zenml.client import Client
from zenml.enums import ModelStages
from zenml.exceptions import EntityExistsError
from zenml.model.utils import link_artifact_version_to_model_version
from zenml.models import ModelVersionPipelineRunRequest, ModelVersionResponse

from assay import judgements, model_registry, promotion
from assay.model_registry import Alias
from assay.model_versions import MODEL
from assay.promotion import PromotionDecision

STAGES = {Alias.CHALLENGER: ModelStages.STAGING, Alias.CHAMPION: ModelStages.PRODUCTION}


def mirror(version: str, description: str, facts: Mapping[str, str]) -> None:
    """Create the ZenML version of ``version`` if needed, and link this run and step to it.

    All that the step takes and gives is found there, and ``facts`` as its metadata.
    """
    mirrored, context, client = _version(_name(version)), get_step_context(), Client()
    client.update_model_version(MODEL, mirrored.id, description=description)
    log_metadata(dict(facts), model_name=MODEL, model_version=mirrored.name)
    link = ModelVersionPipelineRunRequest(
        model_version=mirrored.id, pipeline_run=context.pipeline_run.id
    )
    client.zen_store.create_model_version_pipeline_run_link(link)
    for inputs in context.step_run.inputs.values():
        for artifact in inputs:
            link_artifact_version_to_model_version(artifact, mirrored)
    # When ZenML has stored the outputs, it links them to the version that the step run carries.
    context.step_run.get_resources().model_version = mirrored


def set_stage(version: str, alias: Alias) -> None:
    """Move ``version`` to the stage of ``alias``; who held it before is archived."""
    Client().update_model_version(MODEL, _name(version), stage=STAGES[alias], force=True)


def settle(
    version: str,
    decision: PromotionDecision,
    rival: str | None = None,
    *,
    crowned: bool | None = None,
) -> PromotionDecision:
    """Let ``version`` be the champion in both registries if it was promoted, and note it there.

    ``rival`` is the champion that it was compared with: where another one is by now, it is refused.
    ``crowned`` says so where the decision does not: it is the champion already, perhaps since a
    run that was killed between both. The note comes last, so that who finds it finds all done, and
    what it had on the newest labels first: whoever finds it crowned does not measure that again.
    """
    if decision.promoted:
        now = model_registry.version_of(Alias.CHAMPION)
        decision = promotion.unless_overtaken(decision, rival, now)
    if decision.newest_auc is not None:
        judgements.promise(version, decision.newest_auc)
    is_champion = decision.promoted if crowned is None else crowned
    if is_champion:
        crown(version)
    run = get_step_context().pipeline_run.name
    judgements.note(version, run, promoted=is_champion, reasons=decision.reasons)
    return decision


def crown(version: str) -> None:
    """Let ``version`` be the champion in both registries."""
    model_registry.crown(version)
    set_stage(version, Alias.CHAMPION)


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
