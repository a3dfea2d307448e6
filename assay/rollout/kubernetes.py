"""A Kubernetes cluster, through kubectl: the challenger is a StatefulSet beside the stable one.

The HTTPRoute of infra/kubernetes (Gateway API) shares requests out by its weights, Prometheus says
how both sides do, and what answers, and what did before, stands in annotations of the stable set.
Two limits: no request is copied, so nothing is compared and there is no shadow; and the cluster
knows no lease, so that a share stays with the challenger of a deployment that was killed until the
next command that deploys takes it back.

Nothing of this has run against a cluster: tests check the commands, and the manifests' own.
"""

from __future__ import annotations

import json
from typing import Any, Literal

from pydantic import Field

from assay import home
from assay.errors import RolloutFailed
from assay.release import Release
from assay.rollout import images
from assay.rollout.observed import Observer
from assay.rollout.prometheus import Sides
from assay.rollout.target import Mode, Observation, Target
from assay.rollout.tools import Tool
from assay.settings import Settings

STABLE, CANARY, CONSOLE = "assay-api", "assay-api-canary", "assay-console"
"""Names in infra/kubernetes: two StatefulSets, each with a Service of its name, a Deployment."""
ROUTE, CONTAINER = "assay", "service"
ANNOTATIONS = "assay/release", "assay/previous-release", "assay/previous-image"
"""Of the stable set."""
RELEASE, PREVIOUS, PREVIOUS_IMAGE = ANNOTATIONS
CHALLENGER = home.REPOSITORY / "infra/kubernetes/overlays/canary/challenger"
_WEIGHTS = 1000
"""Sum of both weights."""


class KubernetesSettings(Settings):
    """Which cluster, and how long it is waited for."""

    namespace: str = "assay-staging"
    """As an overlay of infra/kubernetes gives it."""
    context: str = ""
    """Of kubectl's configuration; empty for the current one."""
    registry: str = ""
    """Where images go, such as ``registry.example.org``: the cluster has to be able to pull."""
    engine: Literal["docker", "podman"] = "docker"
    """What builds and pushes images."""
    prometheus_url: str = "http://127.0.0.1:9090"
    """A Prometheus with infra/monitoring/prometheus-kubernetes.yml."""
    patience: float = Field(600.0, gt=0)
    """Seconds for pods to become ready."""


class KubernetesTarget(Target):
    """The service of one namespace."""

    name = "kubernetes"
    compares = False

    def __init__(self, settings: KubernetesSettings) -> None:
        self._settings, self._image, self._release = settings, "", ""
        context = ("--context", settings.context) if settings.context else ()
        self._kubectl = Tool(("kubectl", "--namespace", settings.namespace, *context))
        within = {"namespace": settings.namespace, "component": "api"}
        sides = Sides({**within, "track": "stable"}, {**within, "track": "canary"})
        self._observer = Observer(settings.prometheus_url, sides)

    def active(self) -> str | None:
        """As the stable set is annotated; None for one that was never deployed to."""
        found = self._find(STABLE)
        return _annotations(found).get(RELEASE) if found else None

    def start(self, release: Release) -> None:
        """Build and push the image, and start the challenger's pod."""
        self._stable()
        if not self._settings.registry:
            raise RolloutFailed("a cluster pulls its images; name where: kubernetes.registry=HOST")
        self._release = release.name
        self._image = f"{self._settings.registry}/assay/service:{release.name}"
        images.build(self._settings.engine, release, self._image)
        images.push(self._settings.engine, self._image)
        self._kubectl("apply", "--filename", "-", given=json.dumps(self._challenger()))
        try:
            self._wait(f"statefulset/{CANARY}")
        except RolloutFailed:
            self.abandon()
            raise

    def share(self, share: float, mode: Mode) -> None:
        """Set the weights of the route; the same share again changes nothing."""
        if self._observer.is_new(share, mode):
            self._weigh(share)
            self._observer.begin(share, mode)

    def observe(self) -> Observation:
        """What Prometheus has collected since; a challenger without a ready pod has ended."""
        found = self._find(CANARY)
        if found is None or not found.get("status", {}).get("readyReplicas"):
            raise RolloutFailed("the challenger has no ready pod any more")
        return self._observer.observation()

    def promote(self) -> None:
        """Give the stable pods the challenger's image, one after the other, and end its own.

        Where that fails, they get theirs again.
        """
        before = self._stable()
        image, facts = _image(before), _annotations(before)
        if before["spec"].get("replicas", 1) == 1:  # while it is replaced, nobody else answers
            self._weigh(1.0)
        try:
            self._point(self._image, {RELEASE: self._release, **_previous(facts, image)})
        except RolloutFailed:
            self._point(image, {name: facts.get(name) for name in ANNOTATIONS})
            raise
        self.abandon()

    def abandon(self) -> None:
        """Take the challenger's share and end its pod; its volume stays, as captures may be on it.

        Where there is none, nothing changes.
        """
        self._observer.end()
        self._weigh(0.0)
        self._kubectl(
            *("delete", "statefulset", CANARY, "--ignore-not-found", "--cascade=foreground"),
            timeout=self._settings.patience,
        )

    def roll_back(self) -> str:
        """Give the stable pods the image before again."""
        now = self._stable()
        facts = _annotations(now)
        if PREVIOUS_IMAGE not in facts:
            raise RolloutFailed(f"nothing was deployed to {self._settings.namespace} before")
        name = facts.get(PREVIOUS, "")
        self._point(facts[PREVIOUS_IMAGE], {RELEASE: name, **_previous(facts, _image(now))})
        return name

    def _point(self, image: str, annotations: dict[str, str | None]) -> None:
        """Let both parts run ``image``, and wait until they do."""
        containers = [{"name": CONTAINER, "image": image}]
        patch = {
            "metadata": {"annotations": annotations},
            "spec": {"template": {"spec": {"containers": containers}}},
        }
        self._kubectl("patch", "statefulset", STABLE, "--patch", json.dumps(patch))
        self._kubectl("set", "image", f"deployment/{CONSOLE}", f"{CONTAINER}={image}")
        self._wait(f"statefulset/{STABLE}")
        self._wait(f"deployment/{CONSOLE}")

    def _weigh(self, share: float) -> None:
        """The challenger's share in the first rule of the route; refused where it is another's."""
        weight = round(_WEIGHTS * share)
        place = "/spec/rules/0/backendRefs"
        names = enumerate((STABLE, CANARY))
        patch = [
            *({"op": "test", "path": f"{place}/{n}/name", "value": name} for n, name in names),
            {"op": "replace", "path": f"{place}/0/weight", "value": _WEIGHTS - weight},
            {"op": "replace", "path": f"{place}/1/weight", "value": weight},
        ]
        self._kubectl("patch", "httproute", ROUTE, "--type", "json", "--patch", json.dumps(patch))

    def _challenger(self) -> dict[str, Any]:
        """The manifest of the canary overlay, for this namespace and image."""
        import yaml

        made: dict[str, Any] = yaml.safe_load(self._kubectl("kustomize", str(CHALLENGER)))
        made["metadata"]["namespace"] = self._settings.namespace
        made["metadata"]["annotations"] = {RELEASE: self._release}
        for container in made["spec"]["template"]["spec"]["containers"]:
            container["image"] = self._image
        return made

    def _wait(self, what: str) -> None:
        seconds = self._settings.patience
        words = "rollout", "status", what, f"--timeout={seconds:.0f}s"
        self._kubectl(*words, timeout=seconds + 30)

    def _stable(self) -> dict[str, Any]:
        found = self._find(STABLE)
        if found is None:
            raise RolloutFailed(
                f"there is no StatefulSet {STABLE} in {self._settings.namespace}; first: kubectl "
                "apply -k infra/kubernetes/overlays/..."
            )
        return found

    def _find(self, name: str) -> dict[str, Any] | None:
        printed = self._kubectl(
            "get", "statefulset", name, "--ignore-not-found", "--output", "json"
        )
        return json.loads(printed) if printed.strip() else None


def _annotations(found: dict[str, Any]) -> dict[str, str]:
    return dict(found["metadata"].get("annotations", {}))


def _image(found: dict[str, Any]) -> str:
    containers = found["spec"]["template"]["spec"]["containers"]
    return str(next(one["image"] for one in containers if one["name"] == CONTAINER))


def _previous(facts: dict[str, str], image: str) -> dict[str, str | None]:
    """Annotations that say what ``image``, which answers until now, is."""
    return {PREVIOUS: facts.get(RELEASE, ""), PREVIOUS_IMAGE: image}
