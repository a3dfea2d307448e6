"""Turns of hosts, on a clock that the tests set."""

from __future__ import annotations

from dataclasses import dataclass

from assay.downloading import DownloadSettings, Refusal
from assay.downloading.queues import HostQueues

WAITS = DownloadSettings(
    per_host=1, pause_seconds=1, host_failures=2, host_rest_seconds=60, longest_wait_seconds=100
)


@dataclass(frozen=True)
class Job:
    host: str
    name: str


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def queued(*jobs: str) -> tuple[HostQueues[Job], Clock]:
    clock = Clock()
    queues: HostQueues[Job] = HostQueues(WAITS, clock)
    for job in jobs:
        queues.put(Job(job[0], job))
    return queues, clock


def name(queues: HostQueues[Job]) -> str:
    found = queues.ready()
    return "" if found is None else found[0].name + ("!" if found[1] else "")


def test_one_host_waits_for_its_pause_and_another_does_not():
    queues, clock = queued("a1", "a2", "b1")
    assert [name(queues) for _ in range(3)] == ["a1", "b1", ""]
    queues.answered("a")
    assert name(queues) == ""
    clock.now += 1
    assert name(queues) == "a2"


def test_a_host_that_asks_for_a_pause_gets_it():
    queues, clock = queued("a1", "a2")
    assert name(queues) == "a1"
    queues.pause("a", 30, "429")
    queues.failed("a", Refusal.RATE_LIMITED, "429")
    clock.now += 29
    assert name(queues) == ""
    clock.now += 1
    assert name(queues) == "a2"


def test_a_host_that_asks_for_too_long_a_pause_is_given_up():
    queues, clock = queued("a1", "a2")
    assert name(queues) == "a1"
    queues.pause("a", 101, "429")
    assert name(queues) == "a2!"
    queues.failed("a", Refusal.RATE_LIMITED, "429")
    clock.now += 101
    queues.put(Job("a", "a3"))
    assert name(queues) == "a3"


def test_a_host_that_failed_often_is_tried_with_one_job_after_a_rest():
    queues, clock = queued("a1", "a2", "a3")
    for expected in ("a1", "a2"):
        assert name(queues) == expected
        queues.failed("a", Refusal.UNREACHABLE, "down")
        clock.now += 1
    assert name(queues) == "a3!"
    clock.now += 60
    for job in ("a4", "a5"):
        queues.put(Job("a", job))
    assert [name(queues), name(queues)] == ["a4", ""]
    queues.failed("a", Refusal.UNREACHABLE, "down")
    clock.now += 61
    assert name(queues) == "a5!"  # the second rest is twice as long
    clock.now += 60
    queues.put(Job("a", "a6"))
    assert name(queues) == "a6"
    queues.answered("a")


def test_a_later_attempt_comes_before_what_is_new():
    queues, clock = queued("a1")
    assert name(queues) == "a1"
    queues.answered("a")
    queues.put(Job("a", "a1 again"), seconds=5)
    clock.now += 5
    queues.put(Job("a", "a2"))
    assert name(queues) == "a1 again"


def test_hosts_that_nothing_is_wanted_of_are_forgotten():
    queues, clock = queued()
    for number in range(5000):
        queues.put(Job(str(number), "x"))
        assert name(queues) == "x"
        queues.answered(str(number))
        clock.now += 2
    assert len(queues._hosts) <= 1024


def test_whoever_takes_leaves_when_the_queues_close():
    queues, _ = queued()
    queues.close()
    assert queues.take() is None
