"""A job goes on where its last worker stopped."""

import pytest

from assay.errors import NotStored, NotYourCase
from assay.store import JobState, Store
from assay.store.ids import new_id

SOURCES = [f"https://example.org/{n}.jpg" for n in range(5)]


def test_job_counts_its_items_and_ends_with_the_last(store: Store):
    job = store.jobs.create("platform", "urls", SOURCES, {"rationale": "never"})
    assert (job.total, job.done, job.state) == (5, 0, JobState.PENDING)
    store.jobs.claim("w1")
    store.jobs.record(job.id, "w1", {0: ("capture", ""), 1: (None, "unreadable")})
    halfway = store.jobs.get(job.id)
    assert (halfway.done, halfway.failed, halfway.state) == (1, 1, JobState.PENDING)
    ended = store.jobs.record(job.id, "w1", {n: (f"c{n}", "") for n in (2, 3, 4)})
    assert (ended.done, ended.failed, ended.state) == (4, 1, JobState.DONE)
    assert store.jobs.claim("w1") is None
    assert [item.source for item in store.jobs.items(job.id)] == SOURCES
    assert [item.error for item in store.jobs.items(job.id)] == ["", "unreadable", "", "", ""]


def test_next_worker_goes_on_after_what_was_recorded(store: Store, clock):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("killed")
    store.jobs.record(job.id, "killed", {0: ("c0", ""), 1: ("c1", "")})
    assert store.jobs.claim("next") is None
    clock.advance(121)
    assert store.jobs.claim("next").id == job.id
    assert [item.position for item in store.jobs.pending(job.id, 2)] == [2, 3]
    with pytest.raises(NotYourCase):
        store.jobs.record(job.id, "killed", {2: ("late", "")})


def test_recording_keeps_the_job(store: Store, clock):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("w1")
    for position in range(3):
        clock.advance(100)
        store.jobs.record(job.id, "w1", {position: ("c", "")})
    assert store.jobs.claim("w2") is None


def test_cancelled_job_takes_no_more_results(store: Store):
    job = store.jobs.create("platform", "urls", SOURCES, {})
    store.jobs.claim("w1")
    store.jobs.end(job.id, JobState.CANCELLED, "by the client")
    with pytest.raises(NotYourCase, match="cancelled"):
        store.jobs.record(job.id, "w1", {0: ("c", "")})
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
