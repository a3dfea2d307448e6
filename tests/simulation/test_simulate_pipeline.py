"""The pipeline `simulate` on weeks that are on disk: what is played is not played again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay import home
from assay.errors import StorageError
from assay.journal import Journal
from assay.progress import silent
from assay.simulation import playing
from assay.simulation.settings import SimulationSettings
from tests.pipeline_runs import environment, launch
from tests.simulation.made import recovered

if TYPE_CHECKING:
    from zenml.models import PipelineRunResponse

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]

SETTINGS = SimulationSettings(name="made", weeks=recovered().settings.weeks)


@pytest.fixture(scope="module")
def played(trained_state: Path) -> Iterator[PipelineRunResponse]:
    """A run whose weeks are all on disk."""
    with environment(trained_state):
        keep(SETTINGS, home.folder("simulations") / "made")
        weeks = [phase.value for phase in SETTINGS.weeks]
        yield launch(trained_state, "simulate", {"simulation": {"name": "made", "weeks": weeks}})


def keep(settings: SimulationSettings, folder: Path) -> Journal:
    """What a simulation leaves on disk."""
    folder.mkdir(parents=True)
    journal = playing._journal(settings, folder)
    journal.append([{"key": "first model", "made": {"seconds": 60.0}}])
    journal.append([{"key": "settled in", "made": {"seconds": 30.0}}])
    rows = [(week.number, week.model_dump(mode="json")) for week in recovered().weeks]
    journal.append([{"key": f"week {number}", "made": made} for number, made in rows])
    return journal


def test_run_tells_what_happened(played: PipelineRunResponse, capsys: pytest.CaptureFixture[str]):
    outputs = played.steps["play_weeks"].outputs
    (told,), (page,) = outputs["simulation"], outputs["simulation_report"]
    assert len(told.load()["rows"]) == 5
    assert "made: 5 weeks of traffic" in page.load().title
    assert page.visualizations
    kept = home.folder("simulations") / "made" / "page.html"
    assert kept.read_text(encoding="utf-8") == page.load().html


def test_weeks_on_disk_are_read_back_as_they_were(tmp_path: Path):
    keep(SETTINGS, tmp_path / "made")
    again = playing.play(SETTINGS, tmp_path / "made", silent)
    assert again.weeks == recovered().weeks
    assert again.training_seconds == 90.0


def test_other_settings_are_refused_under_the_same_name(tmp_path: Path):
    keep(SETTINGS, tmp_path / "made")
    other = SETTINGS.model_copy(update={"seed": 7})
    with pytest.raises(StorageError, match=r"simulation\.name=NAME"):
        playing.play(other, tmp_path / "made", silent)


def test_what_was_made_before_a_kill_is_not_made_again(tmp_path: Path):
    journal = keep(SETTINGS, tmp_path / "made")
    made = playing._once(journal, "week 6 traffic", lambda: {"answers": [], "until": "now"})
    again = playing._once(journal, "week 6 traffic", lambda: pytest.fail("made twice"))
    assert made == again


def test_truth_of_earlier_weeks_is_known_after_a_kill(tmp_path: Path):
    truth = playing._known(keep(SETTINGS, tmp_path / "made"))
    assert truth["plain-0"].value == "authentic"
    assert truth["new-3"].value == "manipulated"
