"""Take the README's pictures of dashboards, console and evidence: `make pictures`.

Needs Chromium and a state folder in which `make train` has finished; writes docs/pictures/*.png.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from assay import dashboards, home, model_registry
from assay.dashboards import Addresses
from assay.detector import Detector
from assay.model_registry import Alias
from assay.model_versions import MODEL
from assay.reports import evidence
from scripts import console_pictures, evidence_cases
from scripts.evidence_cases import Case

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect, Page

ROOT = home.REPOSITORY
FOLDER = ROOT / "docs" / "pictures"
WIDTH, HEIGHT, GRAPH_HEIGHT = 1280, 900, 1400
EVIDENCE_WIDTH = 948
LIMIT = 250_000  # bytes a picture, so that a clone stays small
REPORT, TABLE, CURVES = "evaluation_report", "predictions.json", "train/"

_TIDY = """
localStorage.setItem('mlflow.assistant.fab.autoOpenedOnFirstLoad_v1', 'true');
const hide = document.createElement('style');
hide.textContent = '[data-assistant-ui], img[src^="http"] { visibility: hidden !important }';
document.addEventListener('DOMContentLoaded', () => document.head.append(hide));
"""
"""Keeps MLflow's chat assistant, and logos from elsewhere, out of the pictures."""

_BORDER = "#pointed { padding: .75rem; border: 1px solid #d9e2ec }"
_LINKS_FIRST = """
document.querySelector('#pointed figure').replaceWith(document.querySelector('#links-1 figure'))
"""
"""Shows what repeats in the place of the heatmap."""


def main() -> int:
    """Take every picture; returns the exit status."""
    home.prepare_environment()
    version = model_registry.version_of(Alias.CHAMPION) or model_registry.version_of(
        Alias.CHALLENGER
    )
    if version is None:
        sys.stderr.write("pictures: no model is registered yet; `make train` first\n")
        return 1
    with _dashboards(), _browser_page() as page:
        at = dashboards.addresses()
        _zenml_pictures(page, at, version)
        _mlflow_pictures(page, at, version)
        model = model_registry.fetch(version)
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        console_pictures.take(page, model, _photograph)
        detector = Detector.load(model)
        evidence_pictures(page, evidence_cases.cases(detector))
        _simulation_picture(page)
    return 0


@contextmanager
def _dashboards() -> Iterator[None]:
    """Both dashboards: those that are open already, else our own for as long as it takes."""
    command = [sys.executable, ROOT / "scripts" / "dashboard.py"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stdout or ():
                if line.startswith("Ctrl-C"):
                    break
            else:
                raise SystemExit("pictures: the dashboards did not open; see `make dashboard`")
            yield
        finally:
            process.terminate()
            process.communicate()


@contextmanager
def _browser_page() -> Iterator[Page]:
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=sandbox
        )
        page = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.add_init_script(_TIDY)
        yield page
        chromium.close()


def _zenml_pictures(page: Page, at: Addresses, version: str) -> None:
    """The graph of the run that trained ``version``, and its evaluation report."""
    from zenml.client import Client

    name = model_registry.run_of(version).data.tags["zenml_run"]
    run = Client().get_pipeline_run(name, allow_name_prefix_match=False)
    page.set_viewport_size({"width": WIDTH, "height": GRAPH_HEIGHT})
    page.goto(at.zenml_run(str(run.id), run.project.name))
    page.locator(".react-flow__node").first.wait_for()
    page.get_by_role("button", name="Dismiss local-server notice").click()
    page.locator("button:left-of(:text('Run Insights'))").first.click()
    page.get_by_role("button", name="Fit view").click()
    _take(page, "zenml_run")
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.get_by_role("button", name="Fit view").click()  # nodes out of sight are not there
    step = next(step for step in run.steps.values() if REPORT in step.outputs)
    (report,) = step.outputs[REPORT]
    page.locator(f'.react-flow__node[data-id="{step.name}/outputs/step_output/{REPORT}"]').click()
    sheet = page.get_by_role("dialog")
    sheet.get_by_role("tab", name="Visualization").click()
    sheet.get_by_role("button", name="Load Preview").click()
    page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
    _take(page, "zenml_evaluation")
    page.goto(Path(report.visualizations[0].uri).as_uri())  # the same page without that frame
    page.evaluate("document.querySelector('img').scrollIntoView({block: 'center'})")
    _take(page, "evaluation_report")


def _mlflow_pictures(page: Page, at: Addresses, version: str) -> None:
    """The run with its curves and the table of predictions, and the page of the model."""
    run = model_registry.run_of(version)
    info, tables = run.info, json.loads(run.data.tags["mlflow.loggedArtifacts"])
    page.goto(at.mlflow_metrics(info.experiment_id, info.run_id))
    page.get_by_placeholder("Search metric charts").fill(CURVES)
    page.locator(".js-plotly-plot .scatterlayer path").first.wait_for()
    _take(page, "mlflow_run")
    paths = [table["path"] for table in tables]
    path = TABLE if TABLE in paths else paths[0]
    page.goto(at.mlflow_artifact(info.experiment_id, info.run_id, path))
    page.locator('img[src^="get-artifact"]').nth(2).wait_for()
    # Where this machine keeps its files is nobody's concern.
    page.get_by_text("Path: file:").evaluate("line => line.style.visibility = 'hidden'")
    _take(page, "mlflow_table")
    page.goto(at.mlflow_model_version(MODEL, version))
    page.get_by_text("dataset_version", exact=True).first.wait_for()
    _take(page, "mlflow_model")


def evidence_pictures(page: Page, cases: Iterable[Case], folder: Path = FOLDER) -> None:
    """The evidence beside the verdict, for each of ``cases``; says where each image comes from."""
    page.set_viewport_size({"width": EVIDENCE_WIDTH, "height": HEIGHT})
    missing = set(evidence_cases.KINDS)
    for case in cases:
        with tempfile.TemporaryDirectory() as scratch:
            file = Path(scratch) / "page.html"
            file.write_text(evidence.page(case.photo, case.verdict).html, encoding="utf-8")
            page.goto(file.as_uri())
        if case.shows_links:
            page.evaluate(_LINKS_FIRST)
        page.add_style_tag(content=_BORDER)
        shot = page.locator("#pointed").screenshot()
        _save(shot, folder / f"{case.name}.png", Image.Dither.FLOYDSTEINBERG)
        sys.stdout.write(f"  {case.origin}\n")
        missing.remove(case.name)
    for name in sorted(missing):
        sys.stderr.write(f"pictures: no photograph shows {name}; the one of before stays\n")


def _simulation_picture(page: Page) -> None:
    """What the simulation `default` came to, and its weeks, where it was played here."""
    file = home.folder("simulations") / "default" / "page.html"
    if not file.is_file():
        sys.stderr.write("pictures: no simulation was played here; the one of before stays\n")
        return
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(file.as_uri())
    end = page.locator("h2").first.bounding_box()
    height = end["y"] if end else HEIGHT
    clip: FloatRect = {"x": 0, "y": 0, "width": WIDTH, "height": height}
    _save(page.screenshot(clip=clip, full_page=True), FOLDER / "simulation.png")


def _take(page: Page, name: str) -> None:
    page.wait_for_function(
        "[...document.images].every(image => image.complete) && document.fonts.status == 'loaded'"
    )
    _save(page.screenshot(animations="disabled"), FOLDER / f"{name}.png")


def _photograph(page: Page, name: str) -> None:
    """A page whose policy lets no script of ours wait inside it, with photographs on it."""
    page.wait_for_load_state("networkidle")
    shot = page.screenshot(animations="disabled")
    _save(shot, FOLDER / f"{name}.png", Image.Dither.FLOYDSTEINBERG)


def _save(shot: bytes, file: Path, dither: Image.Dither = Image.Dither.NONE) -> None:
    """Write a picture with as many colours as `LIMIT` allows; photographs need ``dither``."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    file.parent.mkdir(parents=True, exist_ok=True)
    for colours in (256, 128, 64, 32):
        picture.quantize(colours, dither=dither).save(file, optimize=True)
        if file.stat().st_size <= LIMIT:
            break
    sys.stdout.write(f"{file.name}: {file.stat().st_size // 1024} KiB\n")


if __name__ == "__main__":
    sys.exit(main())
