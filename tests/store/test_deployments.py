"""One deployment at a time, one that answers, and a record of all that were."""

import dataclasses
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from assay import home, processes
from assay.errors import NotStored, StorageError
from assay.store import Store
from assay.store.account_tables import DeploymentRow
from assay.store.deployments import Action, Deployment, State, Subject

SUBJECT = Subject("v3-1a2b3c", "3", "c" * 64, "plan-9", "train-1", "dataset-1", "abc1234")
WHO = "ci: deploy.yml 17"


def begun(store: Store, release: str = "v3-1a2b3c", target: str = "local") -> Deployment:
    subject = dataclasses.replace(SUBJECT, release=release)
    return store.deployments.begin(target, Action.DEPLOY, "canary", WHO, subject)


def active(store: Store, release: str, target: str = "local") -> Deployment:
    return store.deployments.activate(begun(store, release, target).id, WHO)


def test_deployment_is_read_as_it_was_begun(store: Store):
    made = begun(store)
    assert store.deployments.get(made.id) == made
    assert (made.state, made.subject, made.who) == (State.STARTED, SUBJECT, WHO)
    assert (made.started_at, made.activated_at, made.ended_at) == (store.database.now(), None, None)


def test_what_is_deployed_may_become_known_later(store: Store):
    made = store.deployments.begin("local", Action.DEPLOY, "canary", WHO)
    proven = store.deployments.advance(made.id, State.PROVEN, WHO, SUBJECT)
    rolling = store.deployments.advance(made.id, State.ROLLING_OUT, WHO)
    assert (proven.state, rolling.state) == (State.PROVEN, State.ROLLING_OUT)
    assert proven.subject == rolling.subject == SUBJECT


def test_second_deployment_of_a_target_is_refused_in_one_line(store: Store):
    made = begun(store)
    with pytest.raises(StorageError, match=rf"{WHO} has been deploying to local .*{made.id}") as no:
        begun(store)
    assert "\n" not in str(no.value)
    assert begun(store, target="kubernetes").is_open


def test_of_several_that_begin_at_once_one_does(store: Store):
    def attempt(_: int) -> bool:
        try:
            return begun(store).is_open
        except StorageError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


def test_active_one_supersedes_the_one_before(store: Store, clock):
    first = active(store, "v1")
    clock.advance(60)
    second = active(store, "v2")
    assert store.deployments.active("local") == second
    before = store.deployments.previous("local")
    assert before is not None
    assert (before.id, before.state, before.ended_at) == (
        first.id,
        State.SUPERSEDED,
        second.activated_at,
    )
    assert store.deployments.active("compose") is None


def test_rollback_takes_back_what_answered_and_goes_no_way_twice(store: Store, clock):
    active(store, "v1")
    clock.advance(60)
    bad = active(store, "v2")
    clock.advance(60)
    back = store.deployments.begin("local", Action.ROLLBACK, "", WHO, Subject("v1"))
    store.deployments.activate(back.id, WHO, "v2 was slow")
    assert store.deployments.get(bad.id).state is State.ROLLED_BACK
    now = store.deployments.active("local")
    assert now is not None
    assert (now.subject.release, now.reasons) == ("v1", ("v2 was slow",))
    assert store.deployments.previous("local") is None


@pytest.mark.parametrize("state", [State.REFUSED, State.ROLLED_BACK, State.FAILED])
def test_one_that_is_given_up_leaves_the_active_one(store: Store, state: State):
    good = active(store, "v1")
    ended = store.deployments.end(begun(store, "v2").id, state, WHO, "p95 was 3 s", "2 errors")
    assert store.deployments.active("local") == good
    assert ended.reasons == ("p95 was 3 s", "2 errors")
    assert (ended.is_open, ended.ended_at) == (False, store.database.now())
    with pytest.raises(StorageError, match=f"is {state} by now"):
        store.deployments.activate(ended.id, WHO)


def test_one_whose_process_lives_is_not_abandoned(store: Store):
    begun(store)
    assert store.deployments.abandoned("local") is None
    assert store.deployments.abandoned("compose") is None


def test_one_whose_process_was_killed_is_abandoned_at_once(store: Store):
    made = begun(store)
    script = "from assay import processes; print(processes.identity())"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=home.REPOSITORY, check=True, capture_output=True
    )
    _belongs_to(store, done.stdout.decode().strip())
    left = store.deployments.abandoned("local")
    assert left == made


def test_one_of_another_machine_is_abandoned_when_it_has_been_silent(store: Store, clock):
    made = begun(store)
    _belongs_to(store, "elsewhere:7:1.00")
    clock.advance(29 * 60)
    store.deployments.keep(made.id)
    clock.advance(29 * 60)
    assert store.deployments.abandoned("local") is None
    clock.advance(60)
    assert store.deployments.abandoned("local") == made


def _belongs_to(store: Store, process: str) -> None:
    assert process != processes.identity()
    with store.database.writing() as session:
        session.execute(sa.update(DeploymentRow).values(process=process))


def test_history_is_newest_first(store: Store):
    made = [active(store, release).id for release in ("v1", "v2", "v3")]
    other = active(store, "v1", "compose").id
    assert [one.id for one in store.deployments.history("local")] == made[::-1]
    assert [one.id for one in store.deployments.history(limit=1)] == [other]


def test_beginning_of_an_identifier_is_enough_where_it_is_one(store: Store):
    made = begun(store)
    assert store.deployments.get(made.id[:35]) == made
    for wrong in ("", "ffff", "%"):
        with pytest.raises(NotStored, match="`deployments list`"):
            store.deployments.get(wrong)


def test_audit_log_holds_every_change(store: Store):
    active(store, "v1")
    active(store, "v2")
    told = [(entry.action, entry.details["release"]) for entry in store.audit.entries()]
    assert told == [
        ("deployment.started", "v1"),
        ("deployment.active", "v1"),
        ("deployment.started", "v2"),
        ("deployment.superseded", "v1"),
        ("deployment.active", "v2"),
    ]
    assert {entry.actor for entry in store.audit.entries()} == {WHO}
    assert store.audit.verify() is None
