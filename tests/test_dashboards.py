"""Addresses and links, and both dashboards as a headless browser sees them after a training."""

from __future__ import annotations

import html
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay import dashboards, home, model_versions, tracking
from assay.dashboards import MLFLOW, ZENML, Addresses
from assay.errors import StorageError
from tests.pipeline_runs import environment

if TYPE_CHECKING:
    from mlflow.entities import Run
    from playwright.sync_api import Browser, Page, Response
    from zenml.models import PipelineRunResponse

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # libraries warn about one another
    pytest.mark.filterwarnings("error:::assay"),
    pytest.mark.timeout(300),  # the first test trains and starts both servers
]

NOT_FOUND = re.compile(
    "can't find the page|^Not Found$|Page Not Found|does not exist", re.MULTILINE
)
LINK = re.compile(r"https?://127\.0\.0\.1:\d+[^\s)\"'<>\]]*")
ABSENT = re.compile(r"/mlflow/users/current$|/get-artifact\?path=MLmodel&")
"""What MLflow's pages ask for in vain: accounts, and the signature of a model of its own kind."""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder that nobody has used."""
    for name in ("ZENML_STORE_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_addresses_are_chosen_once_for_a_state_folder(state: Path):
    first = dashboards.addresses()
    assert first == dashboards.addresses()
    assert first.zenml != first.mlflow
    assert [path.name for path in state.iterdir()] == ["dashboards.json"]


def test_addresses_of_the_users_own_servers_are_used(state: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ZENML_STORE_URL", "https://zenml.example/")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.example")
    assert dashboards.addresses() == Addresses("https://zenml.example", "http://mlflow.example")
    assert not state.exists()


def test_a_database_of_the_users_own_is_shown_by_a_server_here(
    state: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://db.example/mlflow")
    assert dashboards.remote(MLFLOW) is None
    assert dashboards.address(MLFLOW).startswith("http://127.0.0.1:")


def test_a_taken_port_is_seen_and_another_is_kept(state: Path):
    port = dashboards.port(ZENML)
    with socket.create_server(("127.0.0.1", port)):
        assert not dashboards.is_free(port)
        moved = dashboards.move(ZENML)
    assert dashboards.is_free(port)
    assert dashboards.port(ZENML) == moved != port


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"zenml": "x", "mlflow": 1}'])
def test_damaged_record_of_the_ports_is_named(state: Path, damage: str):
    dashboards.addresses()
    (state / "dashboards.json").write_text(damage)
    with pytest.raises(StorageError, match=r"dashboards\.json does not name two ports; delete it"):
        dashboards.addresses()


def test_names_in_links_are_quoted():
    link = Addresses("http://z", "http://m").mlflow_model_version("a b/c", "1")
    assert link.startswith("http://m/#/models/a%20b%2Fc/versions/1?")


@dataclass(frozen=True)
class Opened:
    """What `make dashboard` printed, and the training that it shows."""

    printed: list[str]
    run: PipelineRunResponse
    tracked: Run

    def visualisations(self) -> list[tuple[str, str, str]]:
        """Step, artifact and file of each; a graph shows an artifact by step and name."""
        return [
            (step.name, name, picture.uri)
            for step in self.run.steps.values()
            for name, versions in step.outputs.items()
            for version in versions
            for picture in version.visualizations or ()
        ]


@pytest.fixture(scope="module")
def opened(trained_state: Path) -> Iterator[Opened]:
    """Both dashboards of the trained state, ended at last as a supervisor would end them."""
    from zenml.client import Client

    with environment(trained_state), launcher() as process:
        try:
            printed = until(process, "Ctrl-C")
            first = Client().list_pipeline_runs(sort_by="asc:created", size=1, hydrate=True).items
            yield Opened(printed, first[0], tracked_run(first[0].name))
        finally:
            process.terminate()
        assert process.wait(timeout=30) == 0
        assert all(dashboards.is_free(dashboards.port(name)) for name in (ZENML, MLFLOW))


def launcher() -> subprocess.Popen[str]:
    command = [sys.executable, "scripts/dashboard.py"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(command, cwd=home.REPOSITORY, text=True, **pipes)


def until(process: subprocess.Popen[str], word: str) -> list[str]:
    """The lines that ``process`` prints, up to the one with ``word``."""
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line.rstrip())
        if word in line:
            return lines
    raise AssertionError("\n".join(lines))


def tracked_run(name: str) -> Run:
    """The MLflow run that registered the model of the ZenML run ``name``."""
    chosen = f"tags.zenml_run = '{name}'"
    runs = tracking.client().search_runs([tracking.experiment_id()], chosen)
    return next(run for run in runs if "model_version" in run.data.tags)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page without internet; the test fails if a dashboard answers it with an error."""
    errors: list[str] = []

    def listen(answer: Response) -> None:
        if answer.status >= 400 and not ABSENT.search(answer.url):
            errors.append(f"{answer.status} {answer.url}")

    context = browser.new_context()
    context.route(re.compile(r"^https?://(?!127\.0\.0\.1)"), lambda route: route.abort())
    page = context.new_page()
    page.on("response", listen)
    yield page
    context.close()
    assert errors == []


def test_dashboard_prints_addresses_and_the_newest_things(opened: Opened):
    from zenml.client import Client

    at, printed = dashboards.addresses(), "\n".join(opened.printed)
    newest = Client().list_pipeline_runs(sort_by="desc:created", size=1).items[0]
    assert f"ZenML   {at.zenml}\n" in printed
    assert at.zenml_run(str(newest.id), newest.project.name) in printed
    assert at.mlflow_model_version(model_versions.MODEL, "1") in printed


def test_dashboard_that_is_open_already_says_where(opened: Opened):
    with launcher() as second:
        lines = until(second, "MLflow")
        assert second.wait(timeout=60) == 0
    assert "are open already" in lines[0]
    assert f"ZenML   {dashboards.addresses().zenml}" in lines


def test_zenml_opens_without_onboarding(opened: Opened, page: Page):
    page.goto(dashboards.addresses().zenml)
    page.get_by_text("Welcome back, default").wait_for()
    assert page.url == f"{dashboards.addresses().zenml}/"  # /onboarding and /survey are forms
    assert page.get_by_text("Get started", exact=True).count() == 0


def test_zenml_run_shows_every_step(opened: Opened, page: Page):
    open_graph(opened, page)
    for step in opened.run.steps:
        page.locator(f'.react-flow__node[data-id="step/{step}"]').wait_for()


def test_zenml_run_links_to_mlflow(opened: Opened, page: Page):
    open_graph(opened, page)
    page.get_by_role("tab", name="Metadata").click()
    for target in (
        dashboards.addresses().mlflow_run(*numbers(opened)),
        dashboards.addresses().mlflow_model_version(model_versions.MODEL, "1"),
    ):
        page.locator(f'a[href="{target}"]').wait_for()


def test_every_visualisation_opens(opened: Opened, page: Page):
    open_graph(opened, page)
    assert len(opened.visualisations()) > 3
    for step, artifact, file in opened.visualisations():
        node = f"{step}/outputs/step_output/{artifact}"
        page.locator(f'.react-flow__node[data-id="{node}"]').click()
        sheet = page.get_by_role("dialog")
        sheet.get_by_role("tab", name="Visualization").click()
        sheet.get_by_role("button", name="Load Preview").click()
        if file.endswith(".html"):
            assert_shows(page, Path(file))
        else:
            value = json.loads(Path(file).read_text(encoding="utf-8"))
            sheet.locator("pre", has_text=value).wait_for(state="attached")
        page.keyboard.press("Escape")
        sheet.wait_for(state="detached")


def open_graph(opened: Opened, page: Page) -> None:
    page.goto(dashboards.addresses().zenml_run(str(opened.run.id), opened.run.project.name))
    page.locator(".react-flow__node").first.wait_for()


def assert_shows(page: Page, file: Path) -> None:
    """The open preview is the page in ``file``, and none of its pictures is broken."""
    preview = page.frame_locator("iframe")
    title = re.search("<h1[^>]*>(.*?)</h1>", file.read_text(encoding="utf-8"), re.DOTALL)
    assert title is not None
    preview.get_by_role("heading", level=1).wait_for()
    shown = preview.get_by_role("heading", level=1).inner_text()
    assert shown == html.unescape(re.sub("<[^>]*>", "", title.group(1))).strip()
    for picture in preview.locator("img").all():
        assert picture.evaluate("image => image.naturalWidth") > 0


def test_mlflow_run_shows_what_it_recorded(opened: Opened, page: Page):
    page.goto(dashboards.addresses().mlflow_run(*numbers(opened)))
    page.get_by_role("heading", name=opened.run.name).wait_for()
    page.get_by_text("bias_controlled/auc", exact=True).wait_for()
    page.get_by_text("training.optimisation.max_steps", exact=True).wait_for()


def test_mlflow_draws_the_metrics(opened: Opened, page: Page):
    page.goto(dashboards.addresses().mlflow_metrics(*numbers(opened)))
    page.locator(".js-plotly-plot").first.wait_for()


def test_mlflow_model_page_has_version_and_provenance(opened: Opened, page: Page):
    page.goto(dashboards.addresses().mlflow_model_version(model_versions.MODEL, "1"))
    page.get_by_text("dataset_version", exact=True).first.wait_for()
    page.get_by_text("It cannot tell that a true photograph").wait_for()


def test_mlflow_tables_and_documents_show_their_content(opened: Opened, page: Page):
    for path in documents(opened):
        visit(page, dashboards.addresses().mlflow_artifact(*numbers(opened), path))
        if path.endswith(".html"):
            page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
        else:
            page.get_by_role("columnheader").first.wait_for()
            thumbnail = page.locator('img[src^="get-artifact"]').first
            thumbnail.wait_for()
            assert thumbnail.evaluate("image => image.decode().then(() => image.width)") > 0


def visit(page: Page, link: str) -> None:
    page.goto("about:blank")  # or a link into the same document would load nothing
    page.goto(link)


def numbers(opened: Opened) -> tuple[str, str]:
    return opened.tracked.info.experiment_id, opened.tracked.info.run_id


def documents(opened: Opened) -> list[str]:
    """The tables and the HTML pages among the artifacts of the MLflow run."""
    listed = json.loads(opened.tracked.data.tags["mlflow.loggedArtifacts"])
    tables = [table["path"] for table in listed if table["type"] == "table"]
    client, run_id = tracking.client(), opened.tracked.info.run_id
    folders = [item.path for item in client.list_artifacts(run_id) if item.is_dir]
    files = [item.path for name in folders for item in client.list_artifacts(run_id, name)]
    return tables + [file for file in files if file.endswith(".html")]


def test_every_link_that_was_written_leads_somewhere(opened: Opened, page: Page):
    links = written_links(opened)
    at = dashboards.addresses()
    assert {
        at.zenml_run(str(opened.run.id), opened.run.project.name),
        at.mlflow_run(*numbers(opened)),
    } <= links
    for link in sorted(links):
        visit(page, link)
        page.get_by_role("link").first.wait_for()
        page.wait_for_function("document.body.innerText.length > 200")
        assert not NOT_FOUND.search(page.locator("body").inner_text()), link


def written_links(opened: Opened) -> set[str]:
    """Those in what was printed, in ZenML's metadata, MLflow's descriptions and all pages."""
    texts = [*opened.printed, str(opened.run.run_metadata)]
    for step in opened.run.steps.values():
        texts.append(str(step.run_metadata))
        texts += [str(a.run_metadata) for made in step.outputs.values() for a in made]
    texts += [Path(file).read_text("utf-8") for _, _, file in opened.visualisations()]
    version = tracking.client().get_model_version(model_versions.MODEL, "1")
    texts += [str(version.description), str(version.tags), str(opened.tracked.data.tags)]
    return {link for text in texts for link in LINK.findall(text)}
