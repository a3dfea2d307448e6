from __future__ import annotations

import base64
import gzip
import io
import json
import time
from pathlib import Path

import pytest
from PIL import Image

from assay.errors import ConfigError, SourceUnavailable
from assay.rationales import instructions
from assay.rationales.kept import KeptAnswers
from assay.teachers.asked import Reply, Request, Unanswered, asked_teacher
from assay.teachers.openai_compatible import KEY_VARIABLE, OpenAICompatible
from tests import teacher_server
from tests.rationales.cases import EDITED
from tests.teacher_server import Answer, Behaviour, TeacherServer, serving

REQUEST = instructions.reason(EDITED, 64)


def teacher(server: TeacherServer, **options: object) -> OpenAICompatible:
    told = {"base_url": server.url, "model": "vlm", "timeout": 5.0, "attempts": 3, **options}
    return asked_teacher("openai_compatible", told)  # type: ignore[return-value]


def asked(behaviour: Behaviour, **options: object) -> tuple[Reply | Unanswered, TeacherServer]:
    with serving(behaviour) as server, teacher(server, **options) as one:
        return one.ask(REQUEST), server


def test_the_image_the_words_and_the_schema_arrive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    reply, server = asked(teacher_server.honest)
    (chat,) = server.chats
    url = chat["messages"][1]["content"][0]["image_url"]["url"]
    with Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2]))) as image:
        assert (image.format, image.size) == ("JPEG", (64, 64))
    assert chat["response_format"]["json_schema"]["schema"] == REQUEST.schema
    assert "Label: manipulated" in teacher_server.told(chat)
    assert server.keys == ["Bearer secret"]
    assert isinstance(reply, Reply)
    assert json.loads(reply.text)["verdict"] == "manipulated"
    assert (reply.tokens_in, reply.tokens_out) == (server.tokens_in, server.tokens_out)


def test_a_server_without_schemas_is_asked_for_plain_text_from_then_on() -> None:
    def behaviour(chat: teacher_server.Chat, number: int) -> Answer:
        return Answer(status=400) if "response_format" in chat else teacher_server.honest(chat)

    with serving(behaviour) as server, teacher(server) as one:
        assert isinstance(one.ask(REQUEST), Reply)
        assert isinstance(one.ask(REQUEST), Reply)
    assert ["response_format" in chat for chat in server.chats] == [True, False, False]


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    def behaviour(chat: teacher_server.Chat, number: int) -> Answer:
        busy = Answer(status=429, headers={"Retry-After": "1"})
        return busy if number == 1 else teacher_server.honest(chat)

    reply, server = asked(behaviour)
    assert isinstance(reply, Reply)
    assert 1.0 <= server.times[1] - server.times[0] < 3


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_that_fails_is_given_up_after_some_attempts(status: int) -> None:
    soon = {"Retry-After-Ms": "1"}
    reply, server = asked(lambda *_: Answer(status=status, headers=soon), attempts=2)
    assert isinstance(reply, Unanswered)
    assert str(status) in reply.reason
    assert len(server.chats) == 2


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"<html>", b"{}", b"[]", b'{"choices": []}', b"null", b'{"choices": 5}'),
        *(b'{"choices": {"a": 1}}', b'{"choices": [[1]]}', b"[" * 200_000),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_completion_is_no_answer(body: bytes) -> None:
    reply, _ = asked(lambda *_: Answer(raw=body), attempts=1)
    assert isinstance(reply, Unanswered)


def test_a_completion_without_text_is_paid_for_all_the_same() -> None:
    choices = [{"message": {"role": "assistant", "content": None}}]
    usage = {"prompt_tokens": 7, "completion_tokens": "many"}
    body = json.dumps({"choices": choices, "usage": usage}).encode()
    reply, _ = asked(lambda *_: Answer(raw=body), attempts=1)
    assert reply == Reply("", 7, 0)


def test_a_slow_answer_is_not_waited_for() -> None:
    def behaviour(chat: teacher_server.Chat, number: int) -> Answer:
        time.sleep(0.6)
        return teacher_server.honest(chat)

    reply, _ = asked(behaviour, timeout=0.2, attempts=1)
    assert isinstance(reply, Unanswered)


def test_nobody_there_is_no_answer() -> None:
    with serving(teacher_server.honest) as server:
        pass
    with teacher(server, attempts=1) as gone:
        assert isinstance(gone.ask(REQUEST), Unanswered)


@pytest.mark.parametrize(
    ("status", "kind", "remedy"),
    [
        (401, ConfigError, KEY_VARIABLE),
        (403, SourceUnavailable, KEY_VARIABLE),
        (404, ConfigError, "correct model or base_url"),
    ],
)
def test_what_no_question_can_change_ends_the_work(
    status: int, kind: type[Exception], remedy: str
) -> None:
    with pytest.raises(kind, match=remedy):
        asked(lambda *_: Answer(status=status))


def test_the_key_does_not_follow_a_redirect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    with serving(teacher_server.honest) as thief:
        away = {"Location": f"{thief.url}/chat/completions"}
        reply, _ = asked(lambda *_: Answer(status=307, headers=away), attempts=1)
    assert isinstance(reply, Unanswered)
    assert thief.keys == []


def test_the_identity_is_what_answers_depend_on() -> None:
    told = {"base_url": "http://127.0.0.1:9/v1", "model": "vlm"}
    changed = ({}, {"base_url": "http://127.0.0.1:8/v1", "at_once": 9}, {"model": "another"})
    first, moved, other = (
        asked_teacher("openai_compatible", told | change).identity for change in changed
    )
    assert first == moved != other


def test_a_request_without_a_schema_asks_for_none() -> None:
    with serving(teacher_server.honest) as server, teacher(server) as one:
        one.ask(Request("", "Label: authentic", REQUEST.image))
    assert "response_format" not in server.chats[0]


def test_tokens_that_a_server_does_not_count_are_estimated() -> None:
    body = json.dumps({"choices": [{"message": {"content": "twelve chars"}}]}).encode()
    reply, _ = asked(lambda *_: Answer(raw=body), attempts=1)
    assert isinstance(reply, Reply)
    assert reply.tokens_out == 3
    assert reply.tokens_in > 300


def test_an_address_with_a_secret_is_refused() -> None:
    address = "http://me" + ":secret@host/v1"
    with pytest.raises(ValueError, match=KEY_VARIABLE):
        asked_teacher("openai_compatible", {"base_url": address, "model": "x"})


def test_half_a_character_and_a_lie_about_tokens_can_be_kept(tmp_path: Path) -> None:
    usage = b'{"prompt_tokens": 1' + b"0" * 40 + b', "completion_tokens": 0}'
    body = b'{"choices": [{"message": {"content": "\\ud800 seen"}}], "usage": ' + usage + b"}"
    reply, _ = asked(lambda *_: Answer(raw=body), attempts=1)
    assert isinstance(reply, Reply)
    with KeptAnswers(tmp_path) as answers:
        answers.keep("key", "image", "teacher", reply)
        assert answers.find("key") == reply
    assert reply.tokens_out > 0
    assert 300 < reply.tokens_in < 1000


@pytest.mark.parametrize("key", ["sk-secret\nX: y", "sk-s\u00e9cret"])
def test_a_key_that_cannot_be_sent_is_refused_and_stays_secret(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(ConfigError, match=KEY_VARIABLE) as refused:
        asked(teacher_server.honest)
    assert "sk-" not in str(refused.value)


def test_a_key_may_end_in_a_line_break_as_files_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "secret\n")
    _, server = asked(teacher_server.honest)
    assert server.keys == ["Bearer secret"]


def test_an_answer_that_comes_drop_by_drop_ends() -> None:
    began = time.monotonic()
    reply, _ = asked(lambda *_: Answer(raw=b" " * 60, pause=0.05), timeout=0.3, attempts=1)
    assert isinstance(reply, Unanswered)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("raw", "headers"),
    [(b" " * (9 * 2**20), {}), (gzip.compress(b" " * 2**20), {"Content-Encoding": "gzip"})],
    ids=["huge", "packed"],
)
def test_an_answer_that_would_fill_the_memory_is_none(raw: bytes, headers: dict[str, str]) -> None:
    reply, _ = asked(lambda *_: Answer(raw=raw, headers=headers), attempts=1)
    assert isinstance(reply, Unanswered)
    assert "over" in reply.reason or "packed" in reply.reason
