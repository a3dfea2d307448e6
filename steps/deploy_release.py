"""Step: a release is proven, rolled out, and on record, whatever comes of it."""

from typing import Annotated

from zenml import step

from assay import processes
from assay.progress import bar
from assay.release import Release
from assay.release_checks import Limits
from assay.reports.page import Page
from assay.rollout import report, targets
from assay.rollout.compose import ComposeSettings
from assay.rollout.deploying import Deployer
from assay.rollout.kubernetes import KubernetesSettings
from assay.rollout.limits import RolloutSettings
from assay.store import Store, StoreSettings
from assay.store.standing import Standing
from materializers.deployment import StandingMaterializer
from materializers.page import PageMaterializer
from steps import links

_STORED = {"deployment": StandingMaterializer, "deployment_report": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def deploy_release(
    release: Release,
    target: targets.TargetName,
    proof: Limits,
    rollout: RolloutSettings,
    compose: ComposeSettings,
    kubernetes: KubernetesSettings,
) -> tuple[Annotated[Standing, "deployment"], Annotated[Page, "deployment_report"]]:
    """What came of it, and the page; one step, as one process carries a deployment out."""
    links.to_release(release)
    place = targets.find(target, compose, kubernetes)
    with Store.open(StoreSettings.from_environment(), drain=False, patience=None) as store:
        deployer = Deployer(store.deployments, place, processes.user())
        with bar() as progress:
            attempt = deployer.deploy(release, proof, rollout, progress)
    return attempt.standing, report.page(attempt, links.pages(release.model_version))
