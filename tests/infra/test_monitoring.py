"""Monitoring: rules that fire when they should, and no metric that the service does not have."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import REGISTRY, Counter, Gauge, Histogram

from assay.loop.listening import LABEL
from bento import metrics
from scripts.set_up import ROOT
from tests.infra.kustomize import Manifest

MONITORING = ROOT / "infra" / "monitoring"
DASHBOARD = MONITORING / "grafana" / "dashboards" / "assay.json"
ALERTS = MONITORING / "alerts.yml"


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("promtool is not installed (Debian's package prometheus)")
    return found


def run(promtool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)


def checked(promtool: str, folder: Path, config: Manifest) -> subprocess.CompletedProcess[str]:
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    shutil.copy(ALERTS, folder)
    return run(promtool, "check", "config", "--syntax-only", folder / "prometheus.yml")


def expressions() -> list[str]:
    """Every PromQL expression of alerts and dashboard."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [rule["expr"] for group in groups for rule in group["rules"]] + [
        target["expr"] for panel in panels for target in panel["targets"]
    ]


def series() -> set[str]:
    """Every name of a series that `bento.metrics` can show."""
    names = set()
    for collector in vars(metrics).values():
        if isinstance(collector, Counter | Gauge | Histogram):
            for family in collector.describe():
                suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
                names |= {family.name + s for s in suffixes.get(family.type, [""])}
    return names


def test_series_are_what_the_registry_shows() -> None:
    metrics.ADMITTED.set(0)
    shown = {s.name for family in REGISTRY.collect() for s in family.samples}
    assert {"assay_admitted", "assay_admission_refused_total", "assay_score_bucket"} <= (
        shown & series()
    )


def test_config_of_compose_is_valid(promtool: str, tmp_path: Path) -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    assert checked(promtool, tmp_path, config).returncode == 0


def test_config_of_kubernetes_is_valid_beside_its_discovery(promtool: str, tmp_path: Path) -> None:
    """Debian builds Prometheus without the discovery of Kubernetes, so that block is taken out."""
    config = yaml.safe_load((MONITORING / "prometheus-kubernetes.yml").read_text())
    (discovery,) = config["scrape_configs"][0].pop("kubernetes_sd_configs")
    assert discovery["role"] == "pod"
    assert checked(promtool, tmp_path, config).returncode == 0


def test_broken_config_is_caught(promtool: str, tmp_path: Path) -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["scrape_configs"][0]["scrape_intervall"] = "15s"
    result = checked(promtool, tmp_path, config)
    assert result.returncode != 0
    assert "scrape_intervall" in result.stderr


def test_rules_are_valid_and_fire(promtool: str) -> None:
    assert run(promtool, "check", "rules", "--lint-fatal", ALERTS).returncode == 0
    result = run(promtool, "test", "rules", MONITORING / "alerts.test.yml")
    assert result.returncode == 0, result.stderr


def test_broken_rule_is_caught(promtool: str, tmp_path: Path) -> None:
    """A limit that is moved no longer fits its unit test."""
    text = ALERTS.read_text()
    (tmp_path / "alerts.yml").write_text(text.replace("[5m])) > 0.01", "[5m])) > 0.5"))
    shutil.copy(MONITORING / "alerts.test.yml", tmp_path)
    assert "> 0.01" in text
    assert run(promtool, "test", "rules", tmp_path / "alerts.test.yml").returncode != 0


def test_every_alert_has_a_test() -> None:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    tests = yaml.safe_load((MONITORING / "alerts.test.yml").read_text())["tests"]
    fired = {
        one["alertname"]
        for test in tests
        for one in test["alert_rule_test"]
        if one.get("exp_alerts")
    }
    rules = [rule for group in groups for rule in group["rules"]]
    assert fired == {rule["alert"] for rule in rules if "alert" in rule}


def test_expressions_name_metrics_of_the_service() -> None:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    recorded = {rule.get("record") for group in groups for rule in group["rules"]}
    known = series() | recorded
    for expression in expressions():
        named = set(re.findall(r"\bassay[_:][\w:]+", expression))
        assert named or "up{" in expression
        assert named <= known, expression


def test_only_alerts_on_the_traffic_start_the_loop() -> None:
    rules = [r for g in yaml.safe_load(ALERTS.read_text())["groups"] for r in g["rules"]]
    name, value = LABEL
    starting = {rule["alert"] for rule in rules if rule.get("labels", {}).get(name) == value}
    assert starting == {"AssayDisagreement", "AssayDrift"}


def test_expressions_of_the_dashboard_parse(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{n}", "expr": _filled(e)} for n, e in enumerate(expressions()) if e]
    file = tmp_path / "panels.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    result = run(promtool, "check", "rules", file)
    assert result.returncode == 0, result.stderr


def _filled(expression: str) -> str:
    """With Grafana's variables filled in."""
    return expression.replace("$__rate_interval", "1m").replace("$component", ".*")


def test_panels_do_not_overlap() -> None:
    cells = [
        (x, y)
        for panel in json.loads(DASHBOARD.read_text())["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(x < 24 for x, _ in cells)
