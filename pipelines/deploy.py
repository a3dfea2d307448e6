"""Package a model with its serving plan, prove it over HTTP, and roll it out; or take that back."""

from typing import Literal

from zenml import pipeline
from zenml.enums import ExecutionMode

from assay.release_checks import Limits
from assay.rollout.compose import ComposeSettings
from assay.rollout.kubernetes import KubernetesSettings
from assay.rollout.limits import RolloutSettings
from assay.rollout.targets import TargetName, check
from steps.build_release import build_release
from steps.deploy_release import deploy_release
from steps.fetch_model import fetch_model
from steps.roll_back import roll_back
from steps.show_deployment import show_deployment


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def deploy(
    action: Literal["deploy", "rollback", "status"] = "deploy",
    target: TargetName = "local",
    model: str = "champion",
    proof: Limits = Limits(),
    rollout: RolloutSettings = RolloutSettings(),
    compose: ComposeSettings = ComposeSettings(),
    kubernetes: KubernetesSettings = KubernetesSettings(),
) -> None:
    """Let ``model``, an alias or a version of the registry, answer on ``target``.

    With the ``action`` "rollback" what answered before answers again; "status" only asks.
    """
    if action == "rollback":
        roll_back(target, compose, kubernetes)
    elif action == "status":
        show_deployment(target, compose, kubernetes)
    else:
        check(target, rollout)
        release = build_release(fetch_model(model))
        deploy_release(release, target, proof, rollout, compose, kubernetes)
