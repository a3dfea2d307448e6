"""Open and closed loops against planted servers: slow, erring, silent, stopped by Ctrl-C."""

from __future__ import annotations

import signal

from assay.load import pacing
from assay.load.pacing import Pace, send
from tests import web
from tests.load.planted import IMAGES, deploying, deployment, json_reply, stalling, verdict, when


def test_open_loop_sees_a_stall_in_every_request_that_was_due_meanwhile():
    stall, rate = 0.5, 40.0
    with web.site(stalling(4, stall)) as site:
        load = send(deployment(site), IMAGES, Pace(rate=rate, requests=40))
    slow = [one for one in load.answers if one.latency > stall / 4]
    assert 0.5 * rate * stall < len(slow) < 1.2 * rate * stall
    assert all(one.sent - one.due < 0.1 for one in load.answers)


def test_one_client_sees_a_stall_once():
    with web.site(stalling(4, 0.3)) as site:
        load = send(deployment(site), IMAGES, Pace(clients=1, requests=20))
    assert [one.number for one in load.answers if one.latency > 0.2] == [4]
    assert len(load.verdicts) == 20


def test_latency_counts_from_when_a_request_was_due_though_it_left_late():
    uploads, pace = IMAGES, Pace(rate=200.0, requests=30)
    with web.site(stalling(0, 0.4)) as site:
        before, pacing.IN_FLIGHT = pacing.IN_FLIGHT, 1
        try:
            load = send(deployment(site), uploads, pace)
        finally:
            pacing.IN_FLIGHT = before
    second = next(one for one in load.answers if one.number == 1)
    assert second.sent - second.due > 0.3
    assert second.latency >= second.sent - second.due


def test_requests_are_spread_over_the_time():
    with web.site(json_reply(verdict())) as site:
        load = send(deployment(site), IMAGES, Pace(rate=50.0, seconds=0.4))
    dues = sorted(one.due for one in load.answers)
    assert dues == [number / 50 for number in range(20)]


def test_closed_loop_ends_with_its_time():
    with web.site(json_reply(verdict())) as site:
        load = send(deployment(site), IMAGES, Pace(clients=3, seconds=0.3))
    assert 0.2 < load.seconds < 2
    assert {one.upload.name for one in load.answers} == {"a.jpg", "b.jpg"}


def test_errors_are_answers_among_others():
    broken = web.in_turn(
        json_reply(b"", "500 Oops"), web.raw(b""), json_reply(b"{}"), json_reply(verdict())
    )
    with web.site(broken) as site:
        load = send(deployment(site), IMAGES, Pace(clients=1, requests=5))
    assert [one.reply.status for one in load.answers] == [500, 0, 200, 200, 200]
    assert [one.is_verdict for one in load.answers] == [False] * 3 + [True] * 2
    assert load.rate == 2 / load.seconds


def test_closed_loop_waits_as_long_as_it_is_asked_to():
    refusing = web.in_turn(json_reply(b"{}", "429 Later", Retry_After="1"), json_reply(verdict()))
    with web.site(refusing) as site:
        load = send(deployment(site), IMAGES, Pace(clients=1, requests=2))
    assert load.answers[1].sent >= 1


def test_server_that_trickles_for_ever_is_given_up():
    with web.site(web.endless(b"HTTP/1.1 200 OK\r\nX: ", b"x")) as site:
        load = send(deployment(site, timeout=0.1), IMAGES, Pace(clients=1, requests=1))
    assert len(load.answers) + load.unfinished == 1
    assert not load.verdicts


def test_ctrl_c_ends_it_and_keeps_what_there_is(monkeypatch):
    monkeypatch.setattr(pacing, "_GRACE", 0.2)
    answer = when(3, lambda: signal.raise_signal(signal.SIGINT))
    with web.site(deploying(answer)) as site:
        target = deployment(site)
        load = send(target, IMAGES, Pace(clients=1, requests=50))
        target.close()
    assert load.is_interrupted
    assert (len(load.verdicts), load.unfinished) == (3, 1)
