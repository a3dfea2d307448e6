"""What is asked of a cluster, command by command; and that the manifests have what it names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from assay import home
from assay.errors import RolloutFailed
from assay.release import Release
from assay.rollout import kubernetes
from assay.rollout.kubernetes import CHALLENGER, KubernetesSettings, KubernetesTarget
from assay.rollout.target import Mode, Side
from tests.rollout.conftest import CountingPrometheus
from tests.rollout.recorded import Recorded

MANIFESTS = home.REPOSITORY / "infra/kubernetes"
IN = "kubectl --namespace assay-staging"
OLD, NEW = "host/assay/service:v2-0", "host/assay/service:v3-1a2b3c4d5e6f"


def manifest(path: str) -> Any:
    return yaml.safe_load((MANIFESTS / path).read_text())


def stable(replicas: int = 2, image: str = OLD, **annotations: str) -> dict[str, Any]:
    """The stable set as kubectl prints it."""
    made = manifest("base/api-pods/stateful-set.yaml")
    made["spec"]["replicas"] = replicas
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    made["metadata"]["annotations"] = {
        f"assay/{k.replace('_', '-')}": v for k, v in annotations.items()
    }
    return made


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    (tmp_path / "bin").mkdir()
    made = Recorded(tmp_path / "bin", ["kubectl", "docker"])
    monkeypatch.setenv("PATH", str(made.folder), prepend=":")
    made.reply("get statefulset assay-api ", stable(release="v2-0"))
    made.reply("get statefulset assay-api-canary ", {"status": {"readyReplicas": 1}})
    made.reply("kustomize", yaml.safe_dump(manifest("base/api-pods/stateful-set.yaml")))
    return made


@pytest.fixture
def target(cluster: Recorded, prometheus: CountingPrometheus) -> KubernetesTarget:
    return KubernetesTarget(KubernetesSettings(registry="host", prometheus_url=prometheus.url))


def weights(line: str) -> list[int]:
    patch = json.loads(line.partition("--patch ")[2])
    return [step["value"] for step in patch if step["op"] == "replace"]


def test_challenger_starts_beside_the_stable_set(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    target.start(release)
    assert cluster.lines(leaving_out=" get ") == [
        "docker build --file infra/container/Containerfile --target service "
        f"--build-context bento={release.bento} --build-arg RELEASE={release.name} "
        f"--build-arg REVISION={release.git_commit} --tag {NEW} .",
        f"docker push {NEW}",
        f"{IN} kustomize {CHALLENGER}",
        f"{IN} apply --filename -",
        f"{IN} rollout status statefulset/assay-api-canary --timeout=600s",
    ]
    (applied,) = (json.loads(c["given"]) for c in cluster.calls if "apply" in c["words"])
    (container,) = applied["spec"]["template"]["spec"]["containers"]
    assert container["image"] == NEW
    assert applied["metadata"]["namespace"] == "assay-staging"
    assert applied["metadata"]["annotations"] == {"assay/release": release.name}


def test_challenger_that_does_not_become_ready_is_taken_away(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    cluster.reply("rollout status", "error: timed out waiting for the condition", status=1)
    with pytest.raises(RolloutFailed, match="timed out waiting for the condition"):
        target.start(release)
    *_, weighed, deleted = cluster.lines()
    assert weights(weighed) == [1000, 0]
    assert deleted == (
        f"{IN} delete statefulset assay-api-canary --ignore-not-found --cascade=foreground"
    )


def test_share_is_the_weights_of_the_route(cluster: Recorded, target: KubernetesTarget):
    target.share(0.05, Mode.CANARY)
    target.share(0.05, Mode.CANARY)
    target.share(0.5, Mode.CANARY)
    lines = cluster.lines()
    assert [weights(line) for line in lines] == [[950, 50], [500, 500]]
    assert lines[0].startswith(f"{IN} patch httproute assay --type json --patch ")


def test_observation_holds_both_sides_since_the_share(
    target: KubernetesTarget, prometheus: CountingPrometheus
):
    prometheus.counts = {'"stable"': {"200": 500, "503": 4}, '"canary"': {"200": 7}}
    target.share(0.1, Mode.CANARY)
    prometheus.counts = {'"stable"': {"200": 590, "503": 4}, '"canary"': {"200": 14, "500": 3}}
    seen = target.observe()
    assert (seen.current.requests, seen.current.errors) == (90, 0)
    assert (seen.challenger.requests, seen.challenger.errors) == (10, 3)
    assert len(seen.challenger.latencies_ms) == 10
    assert (seen.compared, seen.score_difference) == (0, None)
    assert all('namespace="assay-staging"' in query for query in prometheus.queries)
    target.share(0.5, Mode.CANARY)
    assert target.observe().challenger == Side(0, 0, ())


def test_challenger_without_a_ready_pod_has_ended(cluster: Recorded, target: KubernetesTarget):
    target.share(0.1, Mode.CANARY)
    cluster.reply("get statefulset assay-api-canary ", {"status": {"replicas": 1}})
    with pytest.raises(RolloutFailed, match="no ready pod"):
        target.observe()


def test_shadow_is_refused(cluster: Recorded, target: KubernetesTarget):
    with pytest.raises(RolloutFailed, match="target local alone"):
        target.share(0.1, Mode.SHADOW)
    assert cluster.calls == []


def test_promotion_gives_the_stable_pods_the_image_and_notes_what_was_before(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    target.start(release)
    cluster.forget()
    target.promote()
    patch, console, first, second, weighed, deleted = cluster.lines(leaving_out=" get ")
    assert json.loads(patch.partition("--patch ")[2]) == {
        "metadata": {
            "annotations": {
                "assay/release": release.name,
                "assay/previous-release": "v2-0",
                "assay/previous-image": OLD,
            }
        },
        "spec": {"template": {"spec": {"containers": [{"name": "service", "image": NEW}]}}},
    }
    assert console == f"{IN} set image deployment/assay-console service={NEW}"
    assert "rollout status statefulset/assay-api " in first
    assert "rollout status deployment/assay-console " in second
    assert weights(weighed) == [1000, 0]
    assert "delete statefulset assay-api-canary" in deleted


def test_challenger_answers_while_the_only_stable_pod_is_replaced(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    target.start(release)
    cluster.reply("get statefulset assay-api ", stable(replicas=1))
    cluster.forget()
    target.promote()
    lines = cluster.lines(leaving_out=" get ")
    assert weights(lines[0]) == [0, 1000]
    assert "patch statefulset assay-api" in lines[1]


def test_promotion_that_fails_gives_the_image_back(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    target.start(release)
    cluster.reply("set image", "error: connection refused", status=1)
    cluster.forget()
    with pytest.raises(RolloutFailed, match="connection refused"):
        target.promote()
    images = [line for line in cluster.lines() if "patch statefulset" in line]
    assert NEW in images[0]
    assert f'"image": "{OLD}"' in images[1]


def test_rollback_points_back_and_can_be_rolled_back(cluster: Recorded, target: KubernetesTarget):
    facts = {"release": "v3-1", "previous_release": "v2-0", "previous_image": OLD}
    cluster.reply("get statefulset assay-api ", stable(image=NEW, **facts))
    assert target.active() == "v3-1"
    assert target.roll_back() == "v2-0"
    (patch,) = (line for line in cluster.lines() if "patch statefulset" in line)
    assert json.loads(patch.partition("--patch ")[2])["metadata"]["annotations"] == {
        "assay/release": "v2-0",
        "assay/previous-release": "v3-1",
        "assay/previous-image": NEW,
    }


def test_nothing_to_go_back_to_is_one_line(cluster: Recorded, target: KubernetesTarget):
    with pytest.raises(RolloutFailed, match="nothing was deployed to assay-staging before"):
        target.roll_back()


def test_namespace_without_assay_is_one_line_with_the_remedy(
    cluster: Recorded, target: KubernetesTarget, release: Release
):
    cluster.reply("get statefulset assay-api ")
    assert target.active() is None
    with pytest.raises(RolloutFailed, match="kubectl apply -k infra/kubernetes/overlays/"):
        target.start(release)


def test_missing_program_is_one_line_with_the_remedy(
    cluster: Recorded, target: KubernetesTarget, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RolloutFailed, match="kubectl is not on PATH; install kubectl"):
        target.active()


def test_missing_registry_is_named(cluster: Recorded, release: Release):
    with pytest.raises(RolloutFailed, match=r"kubernetes\.registry=HOST"):
        KubernetesTarget(KubernetesSettings()).start(release)


def test_context_stands_in_every_command(cluster: Recorded):
    KubernetesTarget(KubernetesSettings(context="prod", namespace="a")).active()
    assert cluster.lines()[0].startswith("kubectl --namespace a --context prod get ")


def test_manifests_have_what_the_commands_name():
    sets, route = manifest("base/api-pods/stateful-set.yaml"), manifest("base/shared/route.yaml")
    console = manifest("base/console/deployment.yaml")
    suffix = manifest("overlays/canary/challenger/kustomization.yaml")["nameSuffix"]
    assert sets["metadata"]["name"] == kubernetes.STABLE
    assert sets["metadata"]["name"] + suffix == kubernetes.CANARY
    assert console["metadata"]["name"] == kubernetes.CONSOLE
    assert route["metadata"]["name"] == kubernetes.ROUTE
    assert [ref["name"] for ref in route["spec"]["rules"][0]["backendRefs"]] == [
        kubernetes.STABLE,
        kubernetes.CANARY,
    ]
    for one in (sets, console):
        (container,) = one["spec"]["template"]["spec"]["containers"]
        assert container["name"] == kubernetes.CONTAINER
