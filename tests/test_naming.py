"""docs/naming.md and docs/questions.md say what a real training left behind."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from assay import home, model_versions, tracking
from tests.pipeline_runs import environment

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

DOCS = home.REPOSITORY / "docs"
STEPS = sorted((home.REPOSITORY / "steps").glob("*.py"))


@pytest.fixture(scope="module")
def state(trained_state: Path) -> Iterator[Path]:
    with environment(trained_state):
        yield trained_state


def listed(heading: str) -> dict[str, str]:
    """The table whose first column is called ``heading``: second cell by name."""
    text = (DOCS / "naming.md").read_text(encoding="utf-8")
    table = text.split(f"| {heading} |", 1)[1].split("\n\n")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]*?) \|", table, re.MULTILINE))


def annotated() -> set[tuple[str, str]]:
    """Each artifact that a step annotates, with the step."""
    found = set()
    for file in STEPS:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Subscript) and ast.unparse(node.value) == "Annotated":
                found.add((ast.literal_eval(node.slice.elts[-1]), file.stem))  # type: ignore[attr-defined]
    return found


def test_every_artifact_of_a_step_is_listed_and_no_other():
    named = {
        (name, step.strip("` "))
        for name, steps in listed("artifact").items()
        for step in steps.split(",")
    }
    assert named == annotated()


def test_tags_of_runs_are_those_that_tracking_lists():
    described = tracking.__doc__ or ""
    assert set(listed("tag of a run")) == set(re.findall(r"^    (\w+)  ", described, re.MULTILINE))


def test_tags_of_a_run_are_listed(state: Path):
    for run in tracking.client().search_runs([tracking.experiment_id()]):
        own = {name for name in run.data.tags if not name.startswith("mlflow.")}
        assert own <= set(listed("tag of a run"))
        assert {"dataset_version", "zenml_run", "git_commit", "hardware"} <= own


def test_tags_of_a_version_are_those_that_are_listed(state: Path):
    version = tracking.client().get_model_version(model_versions.MODEL, "1")
    # A version that was never optimised has no plan, and one of no traffic no newest labels.
    others = {"serving_plan", "newest_auc"}
    assert set(version.tags) | others == set(listed("tag of a version"))


def test_metadata_and_links_of_a_version_are_those_that_are_listed(state: Path):
    from zenml.client import Client

    client = Client()
    version = client.get_model_version(model_versions.MODEL, "v1")
    assert set(version.run_metadata) == set(listed("metadata of a ZenML version"))
    links = client.list_model_version_artifact_links(model_version_id=version.id, size=100).items
    assert {"dataset", "model", "model_card"} <= {link.artifact_version.name for link in links}
    assert version.run_metadata["run"] in version.pipeline_run_ids


def test_metadata_of_a_training_are_listed(state: Path):
    from zenml.client import Client

    run = Client().list_pipeline_runs(sort_by="asc:created", size=1, hydrate=True).items[0]
    assert set(run.run_metadata) == set(listed("metadata of a ZenML run"))


def test_artifacts_of_a_run_are_listed(state: Path):
    store = tracking.client()
    version = store.get_model_version(model_versions.MODEL, "1")
    names = [re.sub(r"<.*", "", name) for name in listed("artifact of a run")]
    own = {file.path for file in store.list_artifacts(version.run_id)} - {"table_images"}
    assert not [path for path in own if not path.startswith(tuple(n.rstrip("/") for n in names))]


def test_places_in_the_state_folder_are_listed(state: Path):
    text = (DOCS / "naming.md").read_text(encoding="utf-8").split("## The state folder")[1]
    named = set(re.findall(r"`([\w.]+)(?:/[^`]*)?`", text))
    made = {path.name for path in state.iterdir() if not path.name.startswith(".")}
    assert made - {"cache", "config.yaml"} <= named  # the latter is the test's own


def test_questions_are_ten_and_name_artifacts_that_exist():
    text = (DOCS / "questions.md").read_text(encoding="utf-8")
    questions = re.findall(r"^\| \d+\. [^|]*\|([^|]*)\|", text, re.MULTILINE)
    assert len(questions) == 10
    artifacts = {name for name, _ in annotated()} | {"compare"}
    assert all(set(re.findall(r"`(\w+)`", answer)) <= artifacts for answer in questions)


def test_questions_name_pages_that_are_published():
    text = (DOCS / "questions.md").read_text(encoding="utf-8")
    step = (home.REPOSITORY / "steps" / "publish.py").read_text(encoding="utf-8")
    pages = set(re.findall(r"^        \"(\w+)\":", step, re.MULTILINE))
    assert set(re.findall(r"`reports/(\w+)\.html`", text)) <= pages
