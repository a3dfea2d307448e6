"""The notebooks run as a reader runs them: in a kernel, from their folder, top to bottom."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from assay import home
from tests.bento.servers import Server
from tests.pipeline_runs import environment

FOLDER = home.REPOSITORY / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LINES = 16
"""Of code in a cell; longer ones belong into a module."""

# Libraries warn about one another; what our own modules warn about is still an error.
pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
    pytest.mark.timeout(600),  # the first test trains, and starts a kernel
]


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def outputs(name: str) -> list[Any]:
    """What each code cell of the notebook ``name`` shows, after all of them ran."""
    from nbclient import NotebookClient

    notebook = read(FOLDER / name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the client, about its event loop
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": FOLDER}})
        client.execute()
    return [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]


def shown(found: list[Any], kind: str) -> list[str]:
    """All that is shown as ``kind``, a MIME type."""
    return [one["data"][kind] for cell in found for one in cell if kind in one.get("data", {})]


def names_of_slices() -> set[str]:
    """Those of the newest evaluation in the state folder, whichever pipeline made it."""
    from zenml.client import Client

    newest = Client().list_artifact_versions(artifact="evaluation", sort_by="desc:created", size=1)
    return {part.name for part in newest.items[0].load().slices if part.by != "all"}


def test_there_are_two():
    assert [path.name for path in NOTEBOOKS] == [
        "call_the_service.ipynb",
        "read_an_evaluation.ipynb",
    ]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_kept_without_outputs_and_in_short_cells(path: Path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
            assert len(cell.source.splitlines()) <= LINES


def test_evaluation_is_read_with_intervals_pictures_and_errors(trained_state: Path):
    with environment(trained_state):
        found = outputs("read_an_evaluation.ipynb")
        slices = names_of_slices()
    text, pages = "\n".join(shown(found, "text/plain")), "\n".join(shown(found, "text/html"))
    assert "predictions" in text
    for part in ("auc", "image_id", "data:image/webp", "bias_controlled/auc"):
        assert part in pages
    assert slices
    assert all(name in pages for name in slices)
    assert len(shown(found, "image/svg+xml")) == 1


def test_service_is_called_and_told_a_decision(
    open_server: Server, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ASSAY_URL", open_server.url)
    monkeypatch.delenv("ASSAY_API_KEY", raising=False)
    found = outputs("call_the_service.ipynb")
    assert len(shown(found, "image/png")) == 1
    assert len(shown(found, "image/jpeg")) == 1
    text = "\n".join(shown(found, "text/plain"))
    for part in ("'model_version'", "'label': 'authentic'", "204"):
        assert part in text
