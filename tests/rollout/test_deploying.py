"""Every deployment is on record, however it ends; what answers is what is recorded."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from assay import home
from assay.errors import RolloutFailed, StorageError
from assay.progress import silent
from assay.release import Release
from assay.release_checks import Limits
from assay.release_proof import Finding, Proof
from assay.rollout import report
from assay.rollout.deploying import Attempt, Deployer
from assay.rollout.limits import RolloutSettings, Strategy
from assay.rollout.target import Mode, Observation, Side, Target
from assay.store import Store, StoreSettings
from assay.store.account_tables import DeploymentRow
from assay.store.deployments import Action, State, Subject

WHO = "ada"
CANARY = RolloutSettings(
    steps=(0.1, 0.5), seconds_per_step=0, minimum_requests=20, poll_seconds=0.001
)
GOOD = Side(100, 0, (10.0, 20.0, 30.0) * 30)


class Room(Target):
    """A place in memory, in which a challenger behaves as a test says."""

    name = "local"

    def __init__(self, challenger: Side = GOOD) -> None:
        self.answers: str | None = None
        self.before: str | None = None
        self.challenger, self.side = "", challenger
        self.done: list[str] = []

    def active(self) -> str | None:
        return self.answers

    def start(self, release: Release) -> None:
        self.done.append(f"start {release.name}")
        self.challenger = release.name

    def share(self, share: float, mode: Mode) -> None:
        self.done.append(f"{mode} {share}")

    def observe(self) -> Observation:
        return Observation(GOOD, self.side, compared=100, disagreed=0, score_difference=0.0)

    def promote(self) -> None:
        self.answers, self.before, self.challenger = self.challenger, self.answers, ""

    def abandon(self) -> None:
        self.done.append("abandon")
        self.challenger = ""

    def roll_back(self) -> str:
        if self.before is None:
            raise RolloutFailed("there is none before")
        self.answers, self.before = self.before, self.answers
        return str(self.answers)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=tmp_path / "store"), drain=False) as opened:
        yield opened


def proof(release: Release, passed: bool = True) -> Proof:
    findings = (Finding(name="latency", passed=passed, sentence="9 ms, at most 5"),)
    return Proof(release=release.name, cold_start=1.0, findings=findings)


def deployed(
    store: Store, room: Room, release: Release, passed: bool = True, **settings: object
) -> Attempt:
    def prove(given: Release, _: Limits) -> Proof:
        room.done.append("prove")
        return proof(given, passed)

    chosen = CANARY.model_copy(update=settings)
    return Deployer(store.deployments, room, WHO).deploy(release, Limits(), chosen, silent, prove)


def named(release: Release, name: str) -> Release:
    return release.model_copy(update={"name": name})


def test_proven_release_that_keeps_the_limits_is_active(store: Store, release: Release):
    room = Room()
    attempt = deployed(store, room, release)
    assert room.done == ["prove", f"start {release.name}", "canary 0.1", "canary 0.5"]
    assert attempt.standing.answers == release.name
    assert not attempt.standing.fell_through
    active = store.deployments.active("local")
    assert active == attempt.deployment
    assert active.subject == Subject(
        release.name, "3", "c" * 64, "plan-9", "train-1", "dataset-1", "abc1234"
    )
    assert [entry.action.partition(".")[2] for entry in store.audit.entries()] == [
        "started",
        "proven",
        "rolling_out",
        "active",
    ]


def test_release_that_is_not_proven_meets_nobody(store: Store, release: Release):
    room = Room()
    attempt = deployed(store, room, release, passed=False)
    assert room.done == ["prove"]
    assert attempt.deployment.state is State.REFUSED
    assert attempt.deployment.reasons == ("latency: 9 ms, at most 5",)
    assert attempt.standing.fell_through


def test_canary_that_errs_is_rolled_back_with_reasons_and_what_was_seen(
    store: Store, release: Release
):
    room = Room(dataclasses.replace(GOOD, errors=20))
    room.answers = "v2-0"
    attempt = deployed(store, room, release)
    assert (room.answers, room.challenger, room.done[-1]) == ("v2-0", "", "abandon")
    assert attempt.deployment.state is State.ROLLED_BACK
    assert "20 of 100 answers were errors" in attempt.deployment.reasons[0]
    assert [(m.share, m.seen.challenger.errors) for m in attempt.moments] == [(0.1, 20)]
    assert attempt.standing.fell_through


def test_release_that_is_active_is_left_alone(store: Store, release: Release):
    room = Room()
    first = deployed(store, room, release)
    room.done.clear()
    again = deployed(store, room, release)
    assert room.done == []
    assert again.deployment == first.deployment
    assert "active already; nothing was done" in again.standing.note
    assert len(store.deployments.history()) == 1


def test_release_that_answers_unrecorded_is_recorded(store: Store, release: Release):
    room = Room()
    room.answers = release.name
    assert deployed(store, room, release).deployment.reasons == ("it answered already",)
    assert store.deployments.active("local") is not None


def test_rollback_builds_and_proves_nothing(store: Store, release: Release):
    room = Room()
    deployed(store, room, named(release, "v2-0"))
    deployed(store, room, release)
    room.done.clear()
    standing = Deployer(store.deployments, room, WHO).roll_back()
    assert (standing.answers, room.answers, room.done) == ("v2-0", "v2-0", [])
    newest, bad, _ = store.deployments.history()
    assert (newest.action, newest.state, bad.state) == (
        Action.ROLLBACK,
        State.ACTIVE,
        State.ROLLED_BACK,
    )
    assert newest.subject.dataset_version == "dataset-1"
    assert newest.reasons == (f"{release.name} was taken back",)


def test_rollback_without_a_way_back_is_recorded_as_failed(store: Store):
    with pytest.raises(RolloutFailed, match="none before"):
        Deployer(store.deployments, Room(), WHO).roll_back()
    assert [one.state for one in store.deployments.history()] == [State.FAILED]


def test_challenger_that_does_not_come_up_is_recorded_as_failed(store: Store, release: Release):
    class Full(Room):
        def start(self, release: Release) -> None:
            raise RolloutFailed("it ran out of memory\nat line 3")

    with pytest.raises(RolloutFailed, match="memory"):
        deployed(store, Full(), release)
    (left,) = store.deployments.history()
    assert (left.state, left.reasons) == (State.FAILED, ("it ran out of memory",))


def test_interruption_stops_the_challenger_and_is_recorded(store: Store, release: Release):
    class Watched(Room):
        def observe(self) -> Observation:
            raise KeyboardInterrupt

    room = Watched()
    with pytest.raises(KeyboardInterrupt):
        deployed(store, room, release)
    assert (room.done[-1], room.challenger) == ("abandon", "")
    (left,) = store.deployments.history()
    assert (left.state, left.reasons) == (State.FAILED, ("interrupted",))


def test_second_deployment_at_once_is_refused_and_the_first_undisturbed(
    store: Store, release: Release
):
    first = store.deployments.begin("local", Action.DEPLOY, "canary", "bob")
    room = Room()
    with pytest.raises(StorageError, match="bob has been deploying to local"):
        deployed(store, room, release)
    assert room.done == []
    assert store.deployments.get(first.id).is_open


def killed(store: Store, release: str) -> str:
    """A deployment that is under way, of a process that was killed."""
    made = store.deployments.begin("local", Action.DEPLOY, "canary", "bob", Subject(release))
    script = "from assay import processes; print(processes.identity())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=home.REPOSITORY, check=True, capture_output=True
    )
    with store.database.writing() as session:
        session.execute(sa.update(DeploymentRow).values(process=done.stdout.decode().strip()))
    return made.id


def test_deployment_that_was_killed_is_closed_by_the_next(store: Store, release: Release):
    left, room = killed(store, "v9-9"), Room()
    room.answers, room.challenger = "v2-0", "v9-9"
    deployed(store, room, release)
    closed = store.deployments.get(left)
    assert (closed.state, closed.reasons) == (State.FAILED, ("interrupted; v2-0 answers",))
    assert room.done[0] == "abandon"
    assert room.answers == release.name


def test_deployment_that_was_killed_after_its_promotion_is_active(store: Store):
    left, room = killed(store, "v9-9"), Room()
    room.answers = "v9-9"
    standing = Deployer(store.deployments, room, WHO).status()
    assert standing.answers == "v9-9"
    assert standing.deployment is not None
    assert (standing.deployment.id, standing.deployment.state) == (left, State.ACTIVE)
    assert not standing.fell_through


def test_status_of_a_place_where_nothing_ever_was(store: Store):
    standing = Deployer(store.deployments, Room(), WHO).status()
    assert (standing.answers, standing.deployment) == (None, None)


def test_page_says_what_was_seen_and_decided(store: Store, release: Release):
    attempt = deployed(store, Room(dataclasses.replace(GOOD, errors=20)), release)
    html = report.page(attempt, {"This run on ZenML": "http://127.0.0.1/run"}).html
    for part in ("Rolled back:", "20 of 100 answers were errors", "0.200 (0.127-0.292)"):
        assert part in html
    for part in ("data:image/svg+xml", "train-1", "dataset-1", "abc1234", "plan-9", "9 ms, at"):
        assert part in html


def test_page_of_a_switch_has_no_picture(store: Store, release: Release):
    attempt = deployed(store, Room(), release, strategy=Strategy.DIRECT)
    html = report.page(attempt, {}).html
    assert "Active:" in html
    assert "svg+xml" not in html


def test_page_claims_no_end_that_too_few_answers_bound(store: Store, release: Release):
    few = Room(dataclasses.replace(GOOD, latencies_ms=(10.0, 30.0) * 10))
    assert "30 (30-?)" in report.page(deployed(store, few, release), {}).html


def test_error_after_the_end_is_the_one_that_is_told(store: Store, release: Release):
    class Gone(Room):
        def active(self) -> str | None:
            if self.answers:
                raise RolloutFailed("nobody can be asked any more")
            return None

    with pytest.raises(RolloutFailed, match="nobody can be asked"):
        deployed(store, Gone(), release)
    assert store.deployments.active("local") is not None
