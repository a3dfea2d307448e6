"""The pipeline `loop`, run for real: a run, its page, its exit status; stages as the tests like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import run
from assay import __main__ as command
from assay.loop.stage import Stage
from assay.store import Store, StoreSettings
from assay.store.loops import LoopState, StageResult
from tests import web
from tests.loop.scripted import NAMES, Failing, Scripted, effects
from tests.pipeline_runs import environment, latest, launch

pytestmark = [
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.filterwarnings("error:::assay"),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("state")
    with environment(folder):
        yield folder


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Stage]:
    """The stages of the loop, in place of the real ones."""
    made: list[Stage] = [Scripted(name, tmp_path) for name in NAMES]
    monkeypatch.setattr("steps.turn_loop.stages", lambda store, settings, crown: made)
    return made


def test_turn_is_a_run_with_its_page_and_on_record(
    state: Path, planned: list[Stage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    done = launch(state, "loop", {})
    printed = capsys.readouterr().out
    assert effects(tmp_path) == list(NAMES)
    (turn,) = done.steps["turn_loop"].outputs["loop"]
    found = turn.load()
    assert found.state is LoopState.COMPLETED
    assert "Completed: what was learned answers" in printed
    assert f"turn {found.id}" in printed
    (page,) = done.steps["turn_loop"].outputs["loop_report"]
    html = page.load().html
    for part in (found.id, "Completed", "monitor is done", "deploy is done"):
        assert part in html
    assert command.main(["loop", "list"]) == 0
    assert command.main(["loop", "show", found.id]) == 0
    assert "optimize is done" in capsys.readouterr().out


def test_failed_turn_fails_the_command_and_asks_for_a_person(
    state: Path,
    planned: list[Stage],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    planned[1] = Failing("learn", tmp_path)
    with web.site(web.reply()) as site:
        monkeypatch.setenv("ASSAY_NOTIFY_URL", f"http://{web.HERE}:{site.port}/hook")
        monkeypatch.setenv("ASSAY_NOTIFY_ALLOW_PRIVATE", "true")
        monkeypatch.setenv("ASSAY_PUBLIC_URL", "https://assay.example.org")
        assert run.main(["--pipeline", "loop", "--set", "loop.attempts=1"]) == run.FAILED
    assert "Failed: a stage has no result" in capsys.readouterr().out
    assert str(latest().status) == "completed"
    told = b"".join(site.requests).decode()
    assert "The loop failed" in told
    assert "learn: no result after 1 attempts; status 3: no disk left" in told
    assert "https://assay.example.org" in told
    with Store.open(StoreSettings.from_environment(), drain=False) as store:
        assert store.loops.untold() == []


class Calm(Scripted):
    """A monitor that finds nothing."""

    def result(self, run: object) -> StageResult | None:
        return StageResult("nothing has moved", {"action": "none"}, LoopState.CALM)


def test_calm_turn_tells_nobody(
    state: Path, planned: list[Stage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planned[0] = Calm("monitor", tmp_path)
    with web.site(web.reply()) as site:
        monkeypatch.setenv("ASSAY_NOTIFY_URL", f"http://{web.HERE}:{site.port}/hook")
        monkeypatch.setenv("ASSAY_NOTIFY_ALLOW_PRIVATE", "true")
        assert run.main(["--pipeline", "loop"]) == 0
    assert site.requests == []
    assert effects(tmp_path) == ["monitor"]


def test_run_has_the_name_that_it_is_given(state: Path, planned: list[Stage]):
    assert run.main(["--pipeline", "loop", "--name", "loop-by-name"]) == 0
    assert latest().name == "loop-by-name"


def test_schedule_is_refused_where_the_orchestrator_keeps_none(
    state: Path, planned: list[Stage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    given = ["--pipeline", "loop", "--schedule", "17 2 * * *"]
    assert run.main(given) == run.WRONG_SETTING
    error = capsys.readouterr().err
    assert "the orchestrator 'default' (local) keeps no schedules; use cron" in error
    assert effects(tmp_path) == []


def test_schedule_is_handed_to_an_orchestrator_that_keeps_them(
    state: Path, monkeypatch: pytest.MonkeyPatch
):
    """What ZenML is asked for; none of the orchestrators that do keep schedules runs here."""
    from zenml.client import Client
    from zenml.orchestrators.local.local_orchestrator import LocalOrchestratorConfig

    from pipelines import _runs

    monkeypatch.setattr(LocalOrchestratorConfig, "is_schedulable", property(lambda self: True))
    assert Client().active_stack.orchestrator.config.is_schedulable
    options = _runs._scheduled("loop", "17 2 * * *")
    assert options["run_name"] is None
    schedule = options["schedule"]
    assert (schedule.name, schedule.cron_expression) == ("loop", "17 2 * * *")
    assert _runs._scheduled("loop", "") == {}
