"""Step: what answered before answers again, in seconds."""

from typing import Annotated

from zenml import step

from assay import processes
from assay.rollout import targets
from assay.rollout.compose import ComposeSettings
from assay.rollout.deploying import Deployer
from assay.rollout.kubernetes import KubernetesSettings
from assay.store import Store, StoreSettings
from assay.store.standing import Standing
from materializers.deployment import StandingMaterializer


@step(enable_cache=False, output_materializers={"deployment": StandingMaterializer})
def roll_back(
    target: targets.TargetName, compose: ComposeSettings, kubernetes: KubernetesSettings
) -> Annotated[Standing, "deployment"]:
    """Take back what answers; nothing is built or proven."""
    place = targets.find(target, compose, kubernetes)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        return Deployer(store.deployments, place, processes.user()).roll_back()
