"""The relay takes what it can keep up with, and says what it dropped."""

from __future__ import annotations

from assay.rollout.answers import Answer, Answers, Said
from assay.rollout.relay import MOST_BYTES, Copy, Relay
from tests.bento.test_draining import wait_until
from tests.rollout import backends
from tests.rollout.backends import SECRET, Backend

CURRENT, CHALLENGER = 1, 2


def copy(size: int = 1, request_id: str = "1") -> Copy:
    return Copy(request_id, "/v1/detect", {}, b"x" * size)


def answer(port: int, label: str = "authentic", score: float = 0.5) -> Answer:
    return Answer(port, 200, 10.0, Said(label, score))


def test_copies_beyond_the_memory_for_them_are_dropped() -> None:
    answers = Answers()
    relay = Relay(SECRET, 1, answers)
    relay.port = CHALLENGER
    half = copy(MOST_BYTES // 2)
    for _ in range(3):
        relay.take(half)
    assert answers.dropped == 1
    relay.forget()
    relay.take(half)
    assert answers.dropped == 1


def test_copies_are_dropped_while_nobody_compares() -> None:
    answers = Answers()
    relay = Relay(SECRET, 1, answers)
    for _ in range(3):
        relay.take(copy(MOST_BYTES // 2))
    assert answers.dropped == 3
    relay.port = CHALLENGER
    relay.take(copy(MOST_BYTES // 2))
    assert answers.dropped == 3


def test_copy_that_nobody_answers_counts_as_an_error() -> None:
    with backends.serving(Backend("gone")) as gone:
        gone.fault = "silence"
        answers = Answers()
        relay = Relay(SECRET, 1, answers)
        relay.port = gone.port
        with relay.working():
            relay.take(copy())
            wait_until(lambda: answers.observation(CURRENT, gone.port).challenger.errors == 1)


def test_answers_to_one_request_are_compared_once() -> None:
    answers = Answers()
    answers.add_copy("1", answer(CURRENT, score=0.25), answers.began)
    answers.add_copy("1", answer(CHALLENGER, "manipulated", 0.75), answers.began)
    answers.add_copy("2", answer(CHALLENGER), answers.began)
    seen = answers.observation(CURRENT, CHALLENGER)
    assert (seen.compared, seen.disagreed, seen.score_difference) == (1, 1, 0.5)


def test_copy_of_an_earlier_share_does_not_count() -> None:
    answers = Answers()
    before = answers.began
    answers.begin_anew()
    answers.add_copy("1", answer(CHALLENGER), before)
    assert answers.observation(CURRENT, CHALLENGER).challenger.requests == 0
