"""The manifests: valid by the schemas of Kubernetes, and true to the service that they run."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import yaml

from bento import background, metrics
from bento.api.app import create_app
from bento.settings import ServiceSettings
from scripts.set_up import ROOT
from tests.infra.kustomize import Manifest, render

Validator = Callable[..., CompletedProcess[str]]

OVERLAYS = ROOT / "infra" / "kubernetes" / "overlays"
ROUTE_SCHEMA = Path(__file__).parent / "http_route.schema.json"
RENDERED = {path.name: render(path) for path in sorted(OVERLAYS.iterdir())}
PRODUCTION, CANARY = RENDERED["production"], RENDERED["canary"]
PODS = [one for one in CANARY if one["kind"] in ("StatefulSet", "Deployment")]
PATHS = create_app().openapi()["paths"].keys()


def named(manifests: list[Manifest], kind: str, name: str) -> dict[str, Any]:
    (found,) = (m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


def container(workload: Manifest) -> dict[str, Any]:
    (found,) = workload["spec"]["template"]["spec"]["containers"]
    return found


def kubernetes_errors(validator: Validator, folder: Path, manifests: list[Manifest]) -> str:
    """What kubernetes-validate says of these objects; empty where it has nothing against them."""
    file = folder / "rendered.yaml"
    file.write_text(yaml.safe_dump_all(manifests))
    result = validator("kubernetes-validate", "--strict", "--quiet", file)
    return "" if result.returncode == 0 else result.stdout + result.stderr or "refused"


def route_errors(validator: Validator, folder: Path, routes: list[Manifest]) -> str:
    """What the schema of routes says of these; empty where it has nothing against them."""
    files = [folder / f"route-{number}.json" for number in range(len(routes))]
    for file, route in zip(files, routes, strict=True):
        file.write_text(json.dumps(route))
    result = validator("check-jsonschema", "--schemafile", ROUTE_SCHEMA, *files)
    return "" if result.returncode == 0 else result.stdout


def test_every_object_is_valid(validator: Validator, tmp_path: Path) -> None:
    everything = [one for manifests in RENDERED.values() for one in manifests]
    routes = [one for one in everything if one["kind"] == "HTTPRoute"]
    assert len(routes) == len(RENDERED)
    rest = [one for one in everything if one not in routes]
    assert not kubernetes_errors(validator, tmp_path, rest)
    assert not route_errors(validator, tmp_path, routes)


def test_broken_object_is_caught(validator: Validator, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(named(PRODUCTION, "StatefulSet", "assay-api")))
    container(broken)["readinesProbe"] = container(broken).pop("readinessProbe")
    assert "readinesProbe" in kubernetes_errors(validator, tmp_path, [broken])


def test_broken_route_is_caught(validator: Validator, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(named(PRODUCTION, "HTTPRoute", "assay")))
    broken["spec"]["rules"][0]["backendRefs"][0]["weight"] = "all"
    assert "weight" in route_errors(validator, tmp_path, [broken])


@pytest.mark.parametrize("workload", PODS, ids=lambda one: one["metadata"]["name"])
def test_probes_ask_routes_that_exist(workload: Manifest) -> None:
    probes = [container(workload)[f"{kind}Probe"] for kind in ("startup", "liveness", "readiness")]
    asked = [probe["httpGet"]["path"] for probe in probes]
    assert asked == ["/readyz", "/livez", "/readyz"]
    assert set(asked) <= PATHS


@pytest.mark.parametrize("workload", PODS, ids=lambda one: one["metadata"]["name"])
def test_pods_may_finish_what_they_accepted(workload: Manifest) -> None:
    spec = workload["spec"]["template"]["spec"]
    default = ServiceSettings.model_fields["deadline"].default
    leaving = container(workload)["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert spec["terminationGracePeriodSeconds"] > leaving + default + 2 * background._GRACE


@pytest.mark.parametrize("environment", RENDERED)
def test_services_and_budgets_select_pods(environment: str) -> None:
    manifests = RENDERED[environment]
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in manifests
        if one["kind"] in ("StatefulSet", "Deployment")
    ]
    selectors = {
        one["metadata"]["name"]: one["spec"]["selector"].get("matchLabels", one["spec"]["selector"])
        for one in manifests
        if one["kind"] in ("Service", "PodDisruptionBudget")
    }
    if environment != "canary":
        assert selectors.pop("assay-api-canary")["assay/track"] == "canary"
    for name, selector in selectors.items():
        assert any(selector.items() <= one.items() for one in labels), name


def test_stable_and_canary_never_answer_for_each_other() -> None:
    stable, canary = (
        named(CANARY, "Service", name)["spec"]["selector"]
        for name in ("assay-api", "assay-api-canary")
    )
    pods = named(CANARY, "StatefulSet", "assay-api-canary")["spec"]["template"]["metadata"]
    assert canary.items() <= pods["labels"].items()
    assert not stable.items() <= pods["labels"].items()


def test_weights_name_services_and_add_up() -> None:
    for manifests, share in ((PRODUCTION, 0), (CANARY, 5)):
        backends = named(manifests, "HTTPRoute", "assay")["spec"]["rules"][0]["backendRefs"]
        assert [one["weight"] for one in backends] == [100 - share, share]
        for backend in backends:
            named(manifests, "Service", backend["name"])


def test_only_the_api_is_sent_detections() -> None:
    rules = named(PRODUCTION, "HTTPRoute", "assay")["spec"]["rules"]
    to_console = [r for r in rules if r["backendRefs"][0]["name"] == "assay-console"]
    assert [m["path"]["value"] for r in to_console for m in r["matches"]] == ["/"]
    console = named(PRODUCTION, "Deployment", "assay-console")
    assert {"name": "ASSAY_JOBS", "value": "false"} in container(console)["env"]


def test_spool_lies_on_a_volume_that_outlives_its_pod() -> None:
    api = named(PRODUCTION, "StatefulSet", "assay-api")
    (claim,) = api["spec"]["volumeClaimTemplates"]
    mounts = {m["name"]: m["mountPath"] for m in container(api)["volumeMounts"]}
    assert mounts[claim["metadata"]["name"]] == "/var/lib/assay/store"
    kept = api["spec"]["persistentVolumeClaimRetentionPolicy"]
    assert set(kept.values()) == {"Retain"}


def test_autoscaler_asks_for_a_metric_that_prometheus_has() -> None:
    asked = named(PRODUCTION, "HorizontalPodAutoscaler", "assay-api")["spec"]["metrics"]
    (name,) = (one["pods"]["metric"]["name"] for one in asked)
    adapter = ROOT / "infra" / "monitoring" / "prometheus-adapter.yaml"
    (rule,) = yaml.safe_load(yaml.safe_load(adapter.read_text())["data"]["config.yaml"])["rules"]
    assert name == rule["name"]["as"]
    assert name in [family.name for family in metrics.ADMITTED.collect()]


@pytest.mark.parametrize("environment", RENDERED)
def test_settings_are_the_service_s_own(environment: str) -> None:
    values = named(RENDERED[environment], "ConfigMap", "assay-settings")["data"]
    own = {name.removeprefix("ASSAY_").lower() for name in values if name.startswith("ASSAY_")}
    assert own <= {*ServiceSettings.model_fields, "log_format", "storage_url"}
    assert not any(word in name for name in values for word in ("KEY", "PASSWORD", "DATABASE"))
