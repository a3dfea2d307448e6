"""From AMMeBa's csv files to a trained adapter, with the committed config and one command."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

import run
from assay import home
from assay.records import Split
from tests import ammeba_set, image_server
from tests.ammeba_set import AmmebaSet
from tests.pipeline_runs import TRAIN, environment, latest

pytestmark = [
    # Libraries warn about one another; what our own modules warn about is still an error.
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

CONFIG = str(home.REPOSITORY / "configs" / "train_ammeba.yaml")
SMALL = {name: value for name, value in TRAIN.items() if name not in {"data", "validation"}}
SHARES = {"train": 0.4, "validation": 0.25, "test": 0.25, "online_test": 0.05, "production": 0.05}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AmmebaSet]:
    """A served set, and a state folder of its own."""
    state = tmp_path_factory.mktemp("state")
    with image_server.running(hosts=3) as server, environment(state):
        yield ammeba_set.build(tmp_path_factory.mktemp("ammeba"), server, pictures=40, side=96)


def words(made: AmmebaSet) -> list[str]:
    """What a user says of a folder, and what a loopback server and a small set need beside."""
    options = {"download": made.download, "shares": SHARES, "workers": 1}
    said = [f"data.options.path={made.folder}"]
    said += [f"data.options.{name}={json.dumps(value)}" for name, value in options.items()]
    said += ["data.workers=1", "validation.workers=1"]
    return [word for text in said for word in ("--set", text)]


def test_validation_lists_every_dropped_row_by_reason(made: AmmebaSet):
    taken = ["--set", "data.source=ammeba", "--set", "data.manipulations=null"]
    taken += ["--set", "validation.max_rejected_share=0.95"]
    assert run.main(["--pipeline", "data_validation", *taken, *words(made)]) == 0
    report = latest().steps["validate_dataset"].outputs["validation"][0].load()
    reasons = Counter(row.reason.partition(":")[0] for row in report.rejected)
    assert reasons == made.dropped
    assert report.rows == len(made.labels)


def test_one_command_leads_from_csv_to_a_registered_adapter(made: AmmebaSet):
    small = [word for text in _assignments(SMALL) for word in ("--set", text)]
    assert run.main(["--pipeline", "train", "--config", CONFIG, *words(made), *small]) == 0
    done = latest()
    assert {str(step.status) for step in done.steps.values()} <= {"completed", "cached"}
    dataset = done.steps["build_dataset"].outputs["dataset"][0].load()
    dataset.check_splits()
    rows = dataset.table(["split", "published_at"]).to_pylist()
    learned = max(row["published_at"] for row in rows if row["split"] == Split.TRAIN)
    assert all(row["published_at"] > learned for row in rows if row["split"] == Split.PRODUCTION)
    assert done.steps["register"].outputs


def _assignments(settings: dict[str, object], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += _assignments(value, f"{prefix}{name}.")
        else:
            found.append(f"{prefix}{name}={json.dumps(value)}")
    return found
