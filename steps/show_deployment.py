"""Step: what answers on a target, and what the record says."""

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
def show_deployment(
    target: targets.TargetName, compose: ComposeSettings, kubernetes: KubernetesSettings
) -> Annotated[Standing, "deployment"]:
    """What answers now, with the newest deployment; one that was killed is closed."""
    place = targets.find(target, compose, kubernetes)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        return Deployer(store.deployments, place, processes.user()).status()
