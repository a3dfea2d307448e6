"""What is asked of an engine, command by command; and the share, with a real nginx."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import Counter
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest
import yaml

from assay.errors import RolloutFailed
from assay.release import Release
from assay.rollout.compose import (
    FILES,
    FOLDER,
    SHARE_FILE,
    ComposeSettings,
    ComposeTarget,
    share_conf,
)
from assay.rollout.target import Mode
from tests.captures import eventually
from tests.rollout.conftest import CountingPrometheus
from tests.rollout.recorded import Recorded

COMPOSE = "docker compose --file compose.yaml --file compose.rollout.yaml"
UP = f"{COMPOSE} up --detach --no-deps --no-build --wait --wait-timeout 300"
DIVERTED = [
    f"{COMPOSE} exec -T entry tee /tmp/share.conf",
    f"{COMPOSE} exec -T entry nginx -s reload",
]
ENDED = [*DIVERTED, f"{COMPOSE} rm --stop --force challenger"]


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorded:
    (tmp_path / "bin").mkdir()
    made = Recorded(tmp_path / "bin", ["docker"])
    monkeypatch.setenv("PATH", str(made.folder), prepend=":")
    made.reply(" ps ", "0123456789ab\n")
    made.reply("inspect", "v2-0")
    return made


@pytest.fixture
def target(engine: Recorded, prometheus: CountingPrometheus) -> ComposeTarget:
    return ComposeTarget(ComposeSettings(prometheus_url=prometheus.url))


def given(engine: Recorded) -> list[str]:
    """What the entry was told of the share."""
    return [call["given"] for call in engine.calls if "tee" in call["words"]]


def test_challenger_is_built_and_started_alone(
    engine: Recorded, target: ComposeTarget, release: Release
):
    target.start(release)
    assert engine.lines(leaving_out=" ps ") == [
        "docker build --file infra/container/Containerfile --target service "
        f"--build-context bento={release.bento} --build-arg RELEASE={release.name} "
        f"--build-arg REVISION={release.git_commit} "
        f"--tag assay/service:{release.name} --tag assay/service:challenger .",
        f"{UP} challenger",
    ]


def test_challenger_that_is_not_healthy_is_taken_away(
    engine: Recorded, target: ComposeTarget, release: Release
):
    engine.reply(" up ", "container assay-challenger-1 is unhealthy", status=1)
    with pytest.raises(RolloutFailed, match="is unhealthy"):
        target.start(release)
    assert engine.lines(leaving_out=" ps ")[-3:] == ENDED
    assert given(engine) == [""]


def test_system_that_is_not_up_is_one_line(
    engine: Recorded, target: ComposeTarget, release: Release
):
    engine.reply(" ps ")
    assert target.active() is None
    with pytest.raises(RolloutFailed, match="first: docker compose up --wait"):
        target.start(release)


def test_share_is_told_to_the_entry_once(engine: Recorded, target: ComposeTarget):
    target.share(0.05, Mode.CANARY)
    target.share(0.05, Mode.CANARY)
    assert engine.lines() == DIVERTED
    assert given(engine) == [share_conf(0.05)]


def test_observation_holds_both_sides(
    engine: Recorded, target: ComposeTarget, prometheus: CountingPrometheus
):
    target.share(0.05, Mode.CANARY)
    prometheus.counts = {'"api"': {"200": 90}, '"challenger"': {"200": 9, "500": 1}}
    seen = target.observe()
    assert (seen.current.requests, seen.challenger.requests, seen.challenger.errors) == (90, 10, 1)
    engine.reply("challenger", "")
    with pytest.raises(RolloutFailed, match="container has ended"):
        target.observe()


def test_promotion_replaces_both_parts_while_the_challenger_answers(
    engine: Recorded, target: ComposeTarget
):
    target.promote()
    assert engine.lines(leaving_out=" ps ") == [
        *DIVERTED,
        "docker tag assay/service:local assay/service:previous",
        "docker tag assay/service:challenger assay/service:local",
        f"{UP} api console",
        *ENDED,
    ]
    assert given(engine) == [share_conf(1.0), ""]


def test_promotion_that_fails_puts_the_parts_back(engine: Recorded, target: ComposeTarget):
    engine.reply("up --detach", "dependency failed to start", status=1)
    with pytest.raises(RolloutFailed, match="dependency failed"):
        target.promote()
    tags = [line for line in engine.lines() if " tag " in line]
    assert tags[-1] == "docker tag assay/service:previous assay/service:local"


def test_rollback_brings_the_image_before_up_and_swaps_the_two(
    engine: Recorded, target: ComposeTarget
):
    assert target.roll_back() == "v2-0"
    lines = engine.lines(leaving_out=" ps ")
    assert lines[1:4] == [
        "docker tag assay/service:previous assay/service:challenger",
        f"{UP} challenger",
        DIVERTED[0],
    ]
    assert lines[-3:] == ENDED


def test_nothing_to_go_back_to_is_one_line(engine: Recorded, target: ComposeTarget):
    engine.reply("inspect --type image", "no such image", status=1)
    with pytest.raises(RolloutFailed, match="nothing was deployed with compose before"):
        target.roll_back()


@pytest.mark.parametrize(("label", "name"), [("v3-1", "v3-1"), ("local", None), ("unknown", None)])
def test_active_release_is_the_label_of_the_image(
    engine: Recorded, target: ComposeTarget, label: str, name: str | None
):
    engine.reply("inspect", label)
    assert target.active() == name


def test_challenger_is_one_api_with_its_own_image():
    (challenger,) = yaml.safe_load((FOLDER / FILES[1]).read_text())["services"].values()
    assert challenger["extends"] == {"file": FILES[0], "service": "api"}
    assert challenger["image"] == "assay/service:challenger"


def test_entry_and_prometheus_know_the_challenger():
    conf = (FOLDER / "nginx/nginx.conf").read_text()
    assert conf.index("set $api ") < conf.index(f"include {SHARE_FILE.replace('.', '*.')};")
    prometheus = yaml.safe_load((FOLDER / "../monitoring/prometheus.yml").read_text())
    (job,) = prometheus["scrape_configs"]
    assert "challenger" in job["dns_sd_configs"][0]["names"]
    component, *_ = job["relabel_configs"]
    assert component["target_label"] == "component"


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 1.0])
def test_nginx_gives_the_challenger_its_share(share: float, tmp_path: Path):
    if shutil.which("nginx") is None:
        pytest.skip("nginx is not installed")
    answered = Counter(_answers(share, tmp_path, requests=400))
    expected = round(256 * share) / 256
    deviation = 4 * (expected * (1 - expected) / 400) ** 0.5
    assert answered["http://challenger:3000"] / 400 == pytest.approx(expected, abs=deviation)
    assert sum(answered.values()) == 400


def _answers(share: float, folder: Path, requests: int) -> list[str]:
    """Where nginx sends each request."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    (folder / "share.conf").write_text(share_conf(share))
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/log; worker_processes 1; events {{}}\n"
        f"http {{ access_log off; server {{ listen 127.0.0.1:{port};"
        f"set $api http://api:3000; include {folder}/share*.conf; return 200 $api; }} }}\n"
    )
    words = [
        "nginx",
        "-p",
        str(folder),
        "-c",
        str(folder / "nginx.conf"),
        "-e",
        str(folder / "log"),
    ]
    with subprocess.Popen(words) as process:
        try:
            assert eventually(lambda: _is_open(port))
            with closing(HTTPConnection("127.0.0.1", port)) as connection:
                return [_get(connection) for _ in range(requests)]
        finally:
            process.terminate()


def _get(connection: HTTPConnection) -> str:
    connection.request("GET", "/")
    return connection.getresponse().read().decode()


def _is_open(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0
