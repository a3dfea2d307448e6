"""The stages of the real loop: what is run, and how their effects are read back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay import home, judgements, model_registry, parameters, tracking
from assay.errors import ConfigError
from assay.loop.pipelines import Deploy, Learn, Monitor, Optimise, stages
from assay.loop.settings import LoopSettings, StageSettings
from assay.metrics import Metric
from assay.model_registry import PLAN_TAG, Alias
from assay.model_versions import MODEL
from assay.monitoring.numbers import Reference, ReferenceKind, WindowNumbers
from assay.promotion import PromotionDecision
from assay.store import Store, StoreSettings
from assay.store.deployments import Action, State, Subject
from assay.store.loops import LoopRun, LoopState, StageResult
from steps import model_versions
from tests.captures import START, Clock

PLAIN = StageSettings()
LEARNING = {"recalibrate": PLAIN, "retrain": PLAIN}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=tmp_path), clock=clock, drain=False) as opened:
        yield opened


def begun(store: Store, stage: str, **facts: object) -> LoopRun:
    """A turn in which ``facts`` are known and ``stage`` has been started."""
    run = store.loops.claim("test", timedelta(days=1))
    store.loops.begin(run.id, "before")
    store.loops.finish(run.id, "before", StageResult("known", facts))
    return store.loops.begin(run.id, stage)


def window(store: Store, action: str, *reasons: str) -> str:
    reference = Reference(kind=ReferenceKind.NONE, captures=0, groups=0)
    numbers = WindowNumbers(
        model_version="v1",
        since=START,
        until=store.database.now(),
        captures=100,
        groups=100,
        is_enough=True,
        reference=reference,
    )
    return store.windows.add(numbers, action, reasons).id


@pytest.mark.parametrize(
    ("action", "ends"),
    [
        ("none", LoopState.CALM),
        ("page", LoopState.PAGED),
        ("recalibrate", None),
        ("retrain", None),
    ],
)
def test_decision_of_the_window_says_how_it_goes_on(
    store: Store, clock: Clock, registered: str, action: str, ends: LoopState | None
):
    tracking.client().set_registered_model_alias(MODEL, "champion", registered)
    window(store, "retrain", "an older one")
    clock.advance(60)
    run = begun(store, "monitor")
    stage = Monitor({"monitor": PLAIN}, store)
    assert stage.result(run) is None
    clock.advance(60)
    made = window(store, action, "recall fell", "twice")
    found = stage.result(run)
    until = clock.now.isoformat()
    facts = {"action": action, "window": made, "until": until, "model": registered}
    assert found == StageResult("recall fell; twice", facts, ends)


def test_windows_of_a_clock_that_was_ahead_are_none_of_this_turn(
    store: Store, clock: Clock, registered: str
):
    tracking.client().set_registered_model_alias(MODEL, "champion", registered)
    clock.advance(86_400)
    for _ in range(6):
        window(store, "retrain", "decided and done")
    clock.advance(-86_400)
    run, stage = begun(store, "monitor"), Monitor({"monitor": PLAIN}, store)
    clock.advance(60)
    assert stage.result(run) is None
    made = window(store, "none")
    found = stage.result(run)
    assert found is not None
    assert found.facts["window"] == made


@pytest.mark.parametrize("action", ["recalibrate", "retrain"])
def test_what_was_decided_is_run_from_the_champion_of_then(store: Store, action: str):
    known = {"action": action, "until": "2026-01-05T12:00:00+00:00", "model": "3"}
    words = Learn(LEARNING, store).command(begun(store, "learn", **known), "loop-1-learn-1")
    assert words[1:6] == ["run.py", "--pipeline", action, "--name", "loop-1-learn-1"]
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert given == ['until="2026-01-05T12:00:00+00:00"', 'model="3"']
    settings = parameters.read(home.REPOSITORY / "configs" / f"{action}.yaml", given)
    schema = parameters.signature(home.REPOSITORY / "pipelines" / f"{action}.py")
    assert parameters.validate(schema, settings)["model"] == "3"


def test_settings_reach_the_pipeline(store: Store):
    given = {"target": "kubernetes", "rollout": {"steps": [0.1, 0.5], "strategy": "canary"}}
    stage = Deploy({"deploy": StageSettings(settings=given)}, store)
    words = stage.command(begun(store, "deploy", version="7"), "name")
    assert words[words.index("--config") + 1].endswith("configs/deploy.yaml")
    assert [words[i + 1] for i, word in enumerate(words) if word == "--set"] == [
        'target="kubernetes"',
        "rollout.steps=[0.1, 0.5]",
        'rollout.strategy="canary"',
        'model="7"',
    ]
    stage.check()


@pytest.fixture
def registered(tracked_state: Path) -> str:
    """The number of a version, without files."""
    client = tracking.client()
    if not client.search_registered_models(f"name = '{MODEL}'"):
        client.create_registered_model(MODEL)
    made = client.get_run(tracking.existing_or_new("", "loop", "dataset"))
    version = client.create_model_version(MODEL, made.info.artifact_uri, made.info.run_id)
    return str(version.version)


@pytest.mark.parametrize("promoted", [True, False])
def test_learning_is_done_with_a_judgement_of_this_turn(
    store: Store, registered: str, promoted: bool
):
    run = begun(store, "learn", action="retrain")
    stage = Learn(LEARNING, store)
    judgements.note(registered, "retrain-by-hand", promoted=True, reasons=("better",))
    assert stage.result(run) is None
    reasons = ("AUC +0.02", "not worse on the test split")
    judgements.note(registered, f"{run.label}-learn-2", promoted=promoted, reasons=reasons)
    found = stage.result(run)
    assert found is not None
    assert found.facts == {"version": registered, "promoted": promoted}
    assert found.ends is (None if promoted else LoopState.REFUSED)
    outcome = "promoted" if promoted else "refused"
    assert found.summary == f"version {registered} was {outcome}: {'; '.join(reasons)}"


def test_a_version_that_is_crowned_has_its_promise_whenever_it_is_killed(
    registered: str, monkeypatch: pytest.MonkeyPatch
):
    assert judgements.newest_auc(registered) is None
    promised = Metric(0.8, 0.7, 0.88, 120)

    def killed(_: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(model_versions, "crown", killed)
    decision = PromotionDecision(True, ("better",), None, promised)
    with pytest.raises(KeyboardInterrupt):
        model_versions.settle(registered, decision, model_registry.version_of(Alias.CHAMPION))
    assert judgements.newest_auc(registered) == promised


def test_judgement_with_more_reasons_than_a_tag_holds_keeps_the_first(registered: str):
    reasons = tuple(f"reason {n} " + "x" * 500 for n in range(20))
    judgements.note(registered, "many", promoted=False, reasons=reasons)
    kept = judgements.by_run("many")
    assert kept is not None
    assert kept.reasons == reasons[: len(kept.reasons)]
    assert len(kept.reasons) >= 5


def test_plan_that_is_attached_is_not_looked_for_again(store: Store, registered: str):
    run = begun(store, "optimize", version=registered)
    stage = Optimise({"optimize": PLAIN}, store)
    assert stage.result(run) is None
    assert stage.is_needed(run)
    client = tracking.client()
    source = client.get_model_version(MODEL, registered)
    place = f"serving_plan-v{registered}/plan-1"
    client.log_text(source.run_id, "{}", f"{place}/serving_plan.json")
    client.set_model_version_tag(MODEL, registered, PLAN_TAG, "plan-1")
    found = stage.result(run)
    assert found is not None
    assert (found.facts, found.ends) == ({"plan": f"{registered}-plan-1"}, None)
    assert not stage.is_needed(run)


def deployment(store: Store, state: State, version: str = "7") -> str:
    subject = Subject(release=f"v{version}-abc", model_version=version)
    made = store.deployments.begin("local", Action.DEPLOY, "canary", "test", subject)
    if state is State.ACTIVE:
        store.deployments.activate(made.id, "test")
    elif state is not State.STARTED:
        store.deployments.end(made.id, state, "test", "p95 was 3 s")
    return made.id


@pytest.mark.parametrize(
    ("state", "ends", "words"),
    [
        (State.ACTIVE, None, "version 7 answers on local"),
        (State.ROLLED_BACK, LoopState.TAKEN_BACK, "version 7 was rolled back: p95 was 3 s"),
        (State.REFUSED, LoopState.TAKEN_BACK, "version 7 was refused: p95 was 3 s"),
    ],
)
def test_deployment_on_record_is_the_result(
    store: Store, state: State, ends: LoopState | None, words: str
):
    run = begun(store, "deploy", version="7")
    made = deployment(store, state)
    found = Deploy({"deploy": PLAIN}, store).result(run)
    facts = {"deployment": made, "release": "v7-abc"}
    assert found == StageResult(words, facts, ends)


@pytest.mark.parametrize("ends", [LoopState.TAKEN_BACK, None])
def test_crown_goes_back_with_what_was_taken_back(
    store: Store, registered: str, ends: LoopState | None
):
    tracking.client().set_registered_model_alias(MODEL, "champion", registered)
    run = begun(store, "deploy", version=registered, model="before")
    crowned: list[str] = []
    stage = Deploy({"deploy": PLAIN}, store, crowned.append)
    stage.settle(run, StageResult("p95 was 3 s", {}, ends))
    assert crowned == (["before"] if ends else [])
    stage.settle(begun_again(store, run, "older"), StageResult("p95 was 3 s", {}, ends))
    assert crowned == (["before"] if ends else [])  # somebody crowned another one meanwhile


def begun_again(store: Store, run: LoopRun, version: str) -> LoopRun:
    return store.loops.finish(run.id, "deploy", StageResult("", {"version": version}))


@pytest.mark.parametrize("state", [State.STARTED, State.FAILED])
def test_deployment_that_is_open_or_failed_is_tried_again(store: Store, state: State):
    run = begun(store, "deploy", version="7")
    deployment(store, state)
    assert Deploy({"deploy": PLAIN}, store).result(run) is None


def test_deployments_of_others_are_none_of_this_turn(store: Store, clock: Clock):
    deployment(store, State.ROLLED_BACK)
    clock.advance(60)
    run = begun(store, "deploy", version="7")
    deployment(store, State.ACTIVE, version="6")
    assert Deploy({"deploy": PLAIN}, store).result(run) is None


def test_wrong_setting_of_a_stage_is_told_before_anything_runs(store: Store):
    wrong = LoopSettings(deploy=StageSettings(settings={"rollout": {"strategie": "canary"}}))
    with pytest.raises(ConfigError, match=r"loop\.deploy: rollout\.strategie.*did you mean"):
        stages(store, wrong)


def test_loop_has_its_stages_in_order(store: Store):
    planned = stages(store, LoopSettings(retrain=StageSettings(hours=20)))
    assert [stage.name for stage in planned] == ["monitor", "learn", "optimize", "deploy"]
    assert [stage.seconds / 3600 for stage in planned] == [2, 20, 12, 12]
