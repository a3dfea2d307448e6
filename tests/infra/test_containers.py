"""Images and the compose system: linted, valid by schema, and true to what they copy and name."""

import contextlib
import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import httpx
import pytest
import yaml

from bento.settings import ServiceSettings
from scripts.set_up import ROOT
from tests.bento.servers import free_port

Validator = Callable[..., CompletedProcess[str]]

CONTAINERFILE = ROOT / "infra" / "container" / "Containerfile"
COMPOSE = ROOT / "infra" / "compose"
TEXT = CONTAINERFILE.read_text()
SYSTEM = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = SYSTEM["services"]
WITH_HEALTH_IN_IMAGE = ("api", "console", "notebooks")
THAT_END = ("buckets", "pipelines")


def stages() -> dict[str, str]:
    """The instructions of each stage by its name."""
    parts = re.split(r"^FROM \S+ AS (\S+)\n", TEXT.replace("\\\n", " "), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_containerfile_is_linted(validator: Validator) -> None:
    result = validator("hadolint", "--failure-threshold", "info", CONTAINERFILE)
    assert result.returncode == 0, result.stdout


def test_broken_containerfile_is_caught(validator: Validator, tmp_path: Path) -> None:
    broken = tmp_path / "Containerfile"
    broken.write_text(TEXT.replace("python:${PYTHON_TAG} AS base", "python AS base"))
    result = validator("hadolint", broken)
    assert result.returncode != 0
    assert "DL3006" in result.stdout


@pytest.mark.parametrize("target", ["service", "pipelines"])
def test_image_runs_as_a_number_and_says_how_it_is(target: str) -> None:
    stage = stages()[target]
    assert re.search(r"^USER 10001:10001$", stage, re.MULTILINE)
    assert stage.index("USER 10001") < stage.index("ENTRYPOINT")
    assert "HEALTHCHECK" in stage
    assert 'VOLUME ["/var/lib/assay"]' in stage


def test_service_is_built_from_a_bento_alone() -> None:
    """Nothing but the bento and its environment goes in: no checkout, so nothing that trains."""
    copied = re.findall(r"^COPY (.*)$", stages()["service"], re.MULTILINE)
    assert copied == ["--from=service-installer /opt/venv /opt/venv", "--from=bento . /opt/bento"]


def test_copied_files_exist_and_are_not_ignored() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    let_in = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    words = [w.split() for w in re.findall(r"^COPY (?!--from)(.*)$", TEXT, re.MULTILINE)]
    sources = {source for *found, _ in words for source in found}
    assert sources == let_in
    assert all((ROOT / source).exists() for source in sources)


@pytest.mark.parametrize("word", ["PASSWORD", "_TOKEN", "SECRET", "_KEYS"])
def test_no_secret_in_a_layer(word: str) -> None:
    assert word not in TEXT


def test_compose_files_fit_the_schema(validator: Validator) -> None:
    files = sorted(COMPOSE.glob("compose*.yaml"))
    assert len(files) == 3
    result = validator("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *files)
    assert result.returncode == 0, result.stdout


def test_broken_compose_file_is_caught(validator: Validator, tmp_path: Path) -> None:
    broken = json.loads(json.dumps(SYSTEM))
    broken["services"]["api"]["readonly"] = True
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(broken))
    result = validator("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    assert result.returncode != 0
    assert "readonly" in result.stdout


@pytest.mark.parametrize("name", SERVICES)
def test_service_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory"}
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_service_says_how_it_is(name: str) -> None:
    has_check = "healthcheck" in SERVICES[name] or name in WITH_HEALTH_IN_IMAGE
    assert has_check != (name in THAT_END)


@pytest.mark.parametrize("name", SERVICES)
def test_image_is_pinned_by_a_tag(name: str) -> None:
    image, _, tag = SERVICES[name]["image"].partition(":")
    assert tag not in ("", "latest"), image


@pytest.mark.parametrize("name", SERVICES)
def test_only_the_entry_is_reached_from_elsewhere(name: str) -> None:
    ports = SERVICES[name].get("ports", [])
    wanted = ("${ASSAY_ADDRESS:-127.0.0.1",) if name == "entry" else ("127.0.0.1:",)
    assert all(port.startswith(wanted) for port in ports)


def test_core_starts_alone() -> None:
    core = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert core == {"entry", "api", "console", "postgres", "minio", "buckets"}
    for name in core:
        assert set(SERVICES[name].get("depends_on", {})) <= core


def test_every_mounted_file_and_volume_exists() -> None:
    mounts = [m.split(":")[0] for s in SERVICES.values() for m in s.get("volumes", [])]
    for mount in mounts:
        is_named = not mount.startswith(".")
        assert mount in SYSTEM["volumes"] if is_named else _is_there(mount), mount


def _is_there(mount: str) -> bool:
    return (COMPOSE / mount).exists() or mount == "../../notebooks"


def test_every_variable_is_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", (COMPOSE / "compose.yaml").read_text())) | {"METRICS_KEY"}
    lines = (COMPOSE / ".env.example").read_text()
    assert used == set(re.findall(r"^(\w+)=", lines, re.MULTILINE))


def test_example_holds_no_secret() -> None:
    lines = (COMPOSE / ".env.example").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    secret = re.compile(r"PASSWORD|TOKEN|KEY")
    assert not any(value for name, value in values.items() if secret.search(name))


def test_settings_are_the_service_s_own() -> None:
    own = {*ServiceSettings.model_fields, "log_format", "database_url", "storage_url"}
    own |= {"url_keys", "case_keys", "vllm_url", "vllm_api_key"}
    for name in ("api", "console"):
        given = [v for v in SERVICES[name]["environment"] if v.startswith("ASSAY_")]
        assert {v.removeprefix("ASSAY_").lower() for v in given} <= own


def test_yaml_is_linted(validator: Validator) -> None:
    result = validator("yamllint", "--strict", "--config-file", "infra/yamllint.yaml", "infra")
    assert result.returncode == 0, result.stdout


def test_broken_yaml_is_caught(validator: Validator, tmp_path: Path) -> None:
    (tmp_path / "twice.yaml").write_text("replicas: 1\nreplicas: 2\n")
    config = ROOT / "infra" / "yamllint.yaml"
    result = validator("yamllint", "--strict", "--config-file", config, tmp_path)
    assert "duplication of key" in result.stdout


@pytest.fixture(scope="module")
def nginx() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip("nginx is not installed")
    return found


class _Named(BaseHTTPRequestHandler):
    """Answers with the name of its server, and what it was asked."""

    def do_GET(self) -> None:
        body = f"{self.server.name} {self.path} {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def entry(nginx: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The compose system's own nginx configuration before two servers that say who they are."""
    folder = tmp_path_factory.mktemp("entry")
    port = free_port()
    text = (COMPOSE / "nginx" / "nginx.conf").read_text()
    text = text.replace("/tmp/", f"{folder}/").replace("listen 8080", f"listen 127.0.0.1:{port}")
    with ExitStack() as stack:
        for name in ("api", "console"):
            server = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Named))
            server.name = name
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            text = text.replace(f"http://{name}:3000", f"http://127.0.0.1:{server.server_port}")
        (folder / "nginx.conf").write_text(text)
        command = [nginx, "-c", folder / "nginx.conf", "-p", folder, "-g", "daemon off;"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        url = f"http://127.0.0.1:{port}"
        _wait_for(url)
        yield url


def _wait_for(url: str) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with contextlib.suppress(httpx.TransportError):
            if httpx.get(f"{url}/entry-alive").status_code == HTTPStatus.NO_CONTENT:
                return
    raise AssertionError("nginx does not answer")


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("/v1/detect", "api"),
        ("/v1/detections/a/image", "api"),
        ("/openapi.json", "api"),
        ("/readyz", "api"),
        ("/", "console"),
        ("/detections/a/card", "console"),
        ("/v1x", "console"),
    ],
)
def test_entry_sends_each_to_its_part(entry: str, path: str, part: str) -> None:
    host = entry.removeprefix("http://")
    assert httpx.get(f"{entry}{path}?a=1").text == f"{part} {path}?a=1 {host}"


def test_entry_shows_no_metrics(entry: str) -> None:
    assert httpx.get(f"{entry}/metrics").status_code == HTTPStatus.NOT_FOUND
