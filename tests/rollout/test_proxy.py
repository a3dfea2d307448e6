"""nginx as it really runs, before two servers that say who they are."""

from __future__ import annotations

import json
import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import httpx
import pytest

from assay.rollout import proxy, relay
from assay.rollout.nginx import COPY_HEADER
from assay.rollout.proxy import Routes
from assay.rollout.slot import Colour
from tests.bento.test_draining import wait_until
from tests.rollout import backends
from tests.rollout.backends import LARGEST, SECRET, Front

ALL = 1.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    with backends.front(tmp_path_factory.mktemp("front")) as front:
        yield front


@pytest.fixture
def front(running: Front) -> Front:
    """nginx at rest, before two backends without a fault."""
    running.proxy.route(Routes(Colour.BLUE))
    running.relay.port = None
    running.relay.forget()
    running.answers.begin_anew()
    running.proxy.log.clear()
    for backend in (running.blue, running.green):
        backend.fault, backend.label = "", "authentic"
        backend.seen.clear()
        backend.marks.clear()
    return running


def detect(client: httpx.Client, body: bytes = b"image", **headers: str) -> httpx.Response:
    return client.post("/v1/detect", content=body, headers=headers)


def more_than(things: Sequence[object], number: int) -> bool:
    return len(things) > number


def log(front: Front, requests: int) -> list[str]:
    """The proxy's log once it holds ``requests``: nginx writes a line after the answer is sent."""

    def lines() -> list[str]:
        return front.proxy.log.path.read_text().splitlines()

    wait_until(lambda: len(lines()) >= requests)
    return lines()


def test_requests_reach_the_service_as_they_came(front: Front) -> None:
    with front.client() as client:
        answer = client.get("/a//b/%2e%2E/c?x=1&y=%20", headers={"a_b": "c", "Host": "assay.org"})
    seen = front.blue.seen[0]
    assert answer.json()["path"] == "/a//b/%2e%2E/c?x=1&y=%20"
    assert (seen["a_b"], seen["host"]) == ("c", "assay.org")
    assert seen["x-forwarded-for"] == "127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert "assay-verdict" not in answer.headers


def test_proxy_on_this_machine_may_say_for_whom_it_asks(front: Front) -> None:
    given = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https"}
    with front.client() as client:
        client.get("/", headers=given)
    seen = front.blue.seen[0]
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("203.0.113.7", "https")


def test_switching_under_load_fails_no_request(front: Front) -> None:
    answers: list[int | str] = []
    stop = threading.Event()

    def ask() -> None:
        with front.client() as client:
            while not stop.is_set():
                try:
                    answers.append(detect(client).status_code)
                except httpx.HTTPError as error:
                    answers.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for switch in range(200):
        done = len(answers)
        wait_until(partial(more_than, answers, done))
        front.proxy.route(Routes((Colour.BLUE, Colour.GREEN)[switch % 2]))
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    assert min(len(front.blue.seen), len(front.green.seen)) > 100


def test_bodies_that_a_killed_proxy_left_are_removed(front: Front) -> None:
    folder = front.proxy.log.path.parents[1]
    left = folder.with_name("another") / "temporary" / "body" / "0000000001"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"somebody's image")
    proxy._prepare(left.parents[2], backends.site("127.0.0.1"))
    assert not left.exists()


def test_share_is_of_keys_and_grows_without_moving_anybody(front: Front) -> None:
    def side(client: httpx.Client, key: int) -> str:
        return str(detect(client, **{"Idempotency-Key": f"key-{key}"}).json()["name"])

    with front.client() as client:
        asked: list[set[int]] = []
        for share in (0.1, 0.4):
            front.proxy.route(Routes(Colour.BLUE, is_observed=True, canary=share))
            first = {key for key in range(300) if side(client, key) == "green"}
            again = {key for key in range(300) if side(client, key) == "green"}
            assert first == again
            asked.append(first)
    assert asked[0] < asked[1]
    assert 10 <= len(asked[0]) <= 60
    assert 80 <= len(asked[1]) <= 160


def test_signed_in_person_stays_with_one_side(front: Front) -> None:
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, canary=0.5))
    with front.client() as client:
        sides = [
            {detect(client, Cookie=f"assay_session={who}").json()["name"] for _ in range(5)}
            for who in range(20)
        ]
        strangers = {detect(client).json()["name"] for _ in range(40)}
    assert all(len(side) == 1 for side in sides)
    assert set.union(*sides) == strangers == {"blue", "green"}


@pytest.mark.parametrize(("fault", "status"), [("error", 500), ("silence", 502), ("slow", 504)])
def test_what_the_challenger_fails_the_current_one_answers(
    front: Front, fault: str, status: int
) -> None:
    front.green.fault = fault
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, canary=ALL))
    with front.client() as client:
        answer = detect(client, b"x" * 50_000)
    assert (answer.status_code, answer.json()["name"]) == (200, "blue")
    assert len(front.green.seen) == 1
    lines = log(front, 1)
    front.answers.add_lines(lines)
    seen = front.answers.observation(front.blue.port, front.green.port)
    assert (seen.challenger.requests, seen.challenger.errors) == (1, 1)
    assert (seen.current.requests, seen.current.errors) == (1, 0)
    assert json.loads(lines[0])["statuses"] == f"{status}, 200"


def test_other_requests_stay_with_the_current_one(front: Front) -> None:
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, canary=ALL, copied=ALL))
    with front.client() as client:
        names = {client.get(path).json()["name"] for path in ("/", "/v1/detections/1", "/v1/x")}
    assert names == {"blue"}
    assert front.green.seen == []


@pytest.mark.parametrize("canary", [0.0, ALL])
def test_copies_are_compared_with_what_clients_were_answered(front: Front, canary: float) -> None:
    front.green.label = "manipulated"
    other = front.blue if canary else front.green
    front.relay.port = other.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, canary=canary, copied=ALL))
    with front.client() as client:
        answers = [detect(client, **{COPY_HEADER: "forged"}) for _ in range(20)]

    def compared() -> int:
        return front.answers.observation(front.blue.port, front.green.port).compared

    front.answers.add_lines(log(front, 20))
    wait_until(lambda: compared() == 20)
    assert {answer.json()["name"] for answer in answers} == {"green" if canary else "blue"}
    assert [copy[COPY_HEADER.lower()] for copy in other.copies] == [SECRET] * 20
    assert len(front.blue.seen) == len(front.green.seen) == 20
    seen = front.answers.observation(front.blue.port, front.green.port)
    assert (seen.disagreed, seen.score_difference) == (20, 0.0)


@pytest.mark.parametrize("name", [COPY_HEADER, COPY_HEADER.lower(), COPY_HEADER.upper()])
def test_forged_marks_reach_nobody(front: Front, name: str) -> None:
    front.relay.port = front.green.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, copied=ALL))
    with front.client() as client:
        detect(client, **{name: "forged", f"{name}-Id": "forged", "X-Forwarded-Proto": "https"})
    wait_until(lambda: len(front.green.seen) == 1)
    assert not {COPY_HEADER.lower(), f"{COPY_HEADER.lower()}-id"} & front.blue.seen[0].keys()
    assert front.green.marks == [[SECRET]]
    assert front.green.seen[0]["x-forwarded-proto"] == "https"


def test_copy_without_room_is_not_read(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "MOST_BYTES", LARGEST // 2)
    front.relay.port = front.green.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, copied=ALL))
    with front.client() as client:
        assert [detect(client, b"x" * size).status_code for size in (LARGEST, 1)] == [200, 200]
    wait_until(lambda: len(front.green.copies) == 1)
    assert front.answers.dropped == 1
    assert front.green.copies[0]["content-length"] == "1"


def test_address_with_any_bytes_is_copied(front: Front) -> None:
    front.relay.port = front.green.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, copied=ALL))
    url = httpx.URL(front.url)
    head = b"POST /v1/detect?a=\xe9%20 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
    for number in range(1, 7):  # more than there are threads
        with socket.create_connection((url.host, url.port), 5) as connection:
            connection.sendall(head)
            assert connection.recv(4096).startswith(b"HTTP/1.1 200")
            wait_until(partial(more_than, front.green.seen, number - 1))


def test_share_of_copies_is_kept_to(front: Front) -> None:
    front.relay.port = front.green.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, copied=0.2))
    with front.client() as client:
        for key in range(200):
            detect(client, **{"Idempotency-Key": f"key-{key}"})
    wait_until(lambda: len(front.green.copies) > 15)
    assert len(front.green.copies) < 80


def test_copies_delay_no_answer(front: Front) -> None:
    front.green.fault = "slow"
    front.relay.port = front.green.port
    front.proxy.route(Routes(Colour.BLUE, is_observed=True, copied=ALL))
    with front.client() as client:
        took = [detect(client).elapsed.total_seconds() for _ in range(20)]
    assert sum(took) < 2


def test_large_observed_request_is_refused_in_the_words_of_the_contract(front: Front) -> None:
    front.proxy.route(Routes(Colour.BLUE, is_observed=True))
    with front.client() as client:
        answer = detect(client, b"x" * (LARGEST + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("sent", [b"nonsense\r\n\r\n", b"GET / HTTP/1.1\r\nA: " + b"x" * 40_000])
def test_what_is_no_http_is_refused_in_the_words_of_the_contract(front: Front, sent: bytes) -> None:
    url = httpx.URL(front.url)
    with socket.create_connection((url.host, url.port), 5) as connection:
        connection.sendall(sent)
        said = connection.recv(4096)
    assert said.startswith(b"HTTP/1.1 400")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["code"] == "invalid_http"


def test_service_that_does_not_answer_is_a_503(front: Front) -> None:
    front.green.fault = "silence"
    front.proxy.route(Routes(Colour.GREEN))
    with front.client() as client:
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "not_serving")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(("share", "buckets"), [(0, 0), (0.001, 1), (0.25, 25), (1, 100)])
def test_share_is_made_of_hundredths(share: float, buckets: int) -> None:
    assert proxy.buckets(share) == buckets


def test_answers_of_clients_that_left_count_for_nobody(front: Front) -> None:
    line = {"id": "1", "status": "499", "tried": "127.0.0.1:5", "statuses": "-", "seconds": "1.0"}
    front.answers.add_lines([json.dumps({**line, "verdict": ""})])
    assert front.answers.observation(5, 6).current.requests == 0


def test_counts_begin_anew_with_a_share(front: Front) -> None:
    front.proxy.route(Routes(Colour.BLUE, is_observed=True))
    with front.client() as client:
        names = Counter(detect(client).json()["name"] for _ in range(5))
    front.answers.add_lines(log(front, 5))
    assert names == {"blue": 5}
    assert front.answers.observation(front.blue.port, front.green.port).current.requests == 5
    front.answers.begin_anew()
    assert front.answers.observation(front.blue.port, front.green.port).current.requests == 0


def test_configuration_with_an_ipv6_address_is_valid(tmp_path: Path) -> None:
    assert "listen [::1]:80;" in backends.configuration("::1")
