"""The targets by name."""

from __future__ import annotations

from typing import Literal

from assay.errors import ConfigError
from assay.rollout.compose import ComposeSettings, ComposeTarget
from assay.rollout.kubernetes import KubernetesSettings, KubernetesTarget
from assay.rollout.limits import RolloutSettings
from assay.rollout.local import LocalTarget
from assay.rollout.target import Target

TargetName = Literal["local", "compose", "kubernetes"]
TARGETS: dict[TargetName, type[Target]] = {
    "local": LocalTarget,
    "compose": ComposeTarget,
    "kubernetes": KubernetesTarget,
}


def find(name: TargetName, compose: ComposeSettings, kubernetes: KubernetesSettings) -> Target:
    """The target of this name; the settings of others than the chosen one count for nothing."""
    if name == "compose":
        return ComposeTarget(compose)
    return KubernetesTarget(kubernetes) if name == "kubernetes" else LocalTarget()


def check(name: TargetName, settings: RolloutSettings) -> None:
    """Raise `ConfigError` for a strategy that a target does not know, before anything is built."""
    if settings.strategy.has_shadow and not TARGETS[name].compares:
        raise ConfigError(
            f"rollout.strategy: target {name} copies no requests, so there is no shadow; use canary"
        )
