"""A job goes on where its last worker stopped."""

from datetime import timedelta

import pytest

from assay.errors import NotStored, NotYourCase
from assay.store import JobState, Result, Store
from assay.store.ids import new_id

SOURCES = [f"https://example.org/{n}.jpg" for n in range(5)]


def test_job_counts_its_items_and_ends_with_the_last(store: Store):
    job = store.jobs.create("platform", "urls", SOURCES, {"rationale": "never"})
    assert (job.total, job.done, job.state) == (5, 0, JobState.PENDING)
    store.jobs.claim("w1")
    store.jobs.record(
        job.id, "w1", {0: Result("capture"), 1: Result(None, "no image", "unreadable_image")}
    )
    halfway = store.jobs.get(job.id)
    assert (halfway.done, halfway.failed, halfway.state) == (1, 1, JobState.PENDING)
    ended = store.jobs.record(job.id, "w1", {n: Result(f"c{n}") for n in (2, 3, 4)})
    assert (ended.done, ended.failed, ended.state) == (4, 1, JobState.DONE)
    assert store.jobs.claim("w1") is None
    assert [item.source for item in store.jobs.items(job.id)] == SOURCES
    assert [item.error for item in store.jobs.items(job.id)] == ["", "no image", "", "", ""]
    assert [item.code for item in store.jobs.items(job.id)][1] == "unreadable_image"


def test_next_worker_goes_on_after_what_was_recorded(store: Store, clock):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("killed")
    store.jobs.record(job.id, "killed", {0: Result("c0"), 1: Result("c1")})
    assert store.jobs.claim("next") is None
    clock.advance(121)
    assert store.jobs.claim("next").id == job.id
    assert [item.position for item in store.jobs.pending(job.id, 2)] == [2, 3]
    with pytest.raises(NotYourCase):
        store.jobs.record(job.id, "killed", {2: Result("late")})


def test_recording_keeps_the_job(store: Store, clock):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("w1")
    for position in range(3):
        clock.advance(100)
        store.jobs.record(job.id, "w1", {position: Result("c")})
    assert store.jobs.claim("w2") is None


def test_cancelled_job_takes_no_more_results(store: Store):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("w1")
    store.jobs.end(job.id, JobState.CANCELLED, "by the client")
    with pytest.raises(NotYourCase, match="cancelled"):
        store.jobs.record(job.id, "w1", {0: Result("c")})
    assert store.jobs.get(job.id).error == "by the client"


def test_job_over_nothing_is_done(store: Store):
    assert store.jobs.create("platform", "urls", [], {}).state is JobState.DONE
    assert store.jobs.claim("w1") is None


def test_long_job_is_read_in_pages(store: Store):
    job = store.jobs.create("platform", "urls", ["u"] * 1203, {})
    assert [item.position for item in store.jobs.items(job.id)] == list(range(1203))


def test_unknown_job_is_an_error(store: Store):
    with pytest.raises(NotStored):
        store.jobs.get(new_id())


def test_released_jobs_take_turns(store: Store, clock):
    jobs = [store.jobs.create("platform", "urls", SOURCES, {}).id for _ in range(2)]
    worked = []
    for _ in range(4):
        clock.advance(1)
        claimed = store.jobs.claim("w1")
        worked.append(claimed.id)
        store.jobs.release(claimed.id, "w1")
    assert worked == [*jobs, *jobs]


def test_only_the_worker_of_a_job_releases_it(store: Store):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("w1")
    store.jobs.release(job.id, "w2")
    assert store.jobs.claim("w2") is None


def test_job_knows_when_it_was_begun(store: Store, clock):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    assert job.began_at is None
    clock.advance(5)
    began = store.jobs.claim("w1").began_at
    assert (began - job.created_at).total_seconds() == 5
    clock.advance(121)
    assert store.jobs.claim("w2").began_at == began


def test_jobs_of_a_client_are_listed_newest_first(store: Store):
    store.jobs.create("other", "urls", SOURCES, {})
    ids = [store.jobs.create("platform", "urls", SOURCES, {}).id for _ in range(3)]
    assert [job.id for job in store.jobs.page("platform", limit=2)] == [ids[2], ids[1]]
    assert [job.id for job in store.jobs.page("platform", before=ids[1])] == [ids[0]]


def test_only_old_jobs_that_ended_are_forgotten(store: Store, clock):
    old, working = (store.jobs.create("platform", "urls", SOURCES, {}) for _ in range(2))
    store.jobs.end(old.id, JobState.CANCELLED)
    clock.advance(100)
    recent = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.end(recent.id, JobState.CANCELLED)
    assert store.jobs.forget_before(clock() - timedelta(seconds=50)) == 1
    assert {job.id for job in store.jobs.page("platform")} == {working.id, recent.id}
    with pytest.raises(NotStored):
        store.jobs.get(old.id)
