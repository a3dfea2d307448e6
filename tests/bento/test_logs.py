"""The service's log: one form for all, and nothing in it that a request holds."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay import signed_urls
from assay.store import Scope, Store, StoreSettings
from bento import logs
from tests.bento import services
from tests.bento.services import Service

CAPTION = "the mayor drinks coffee"


@pytest.fixture(scope="module")
def guarded(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A running service that wants keys."""
    with services.running(served_model, tmp_path_factory.mktemp("store"), auth=True) as running:
        yield running


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process logs as JSON; all loggers are as before afterwards."""
    written = io.StringIO()
    names = ["", "assay", "bento", "bentoml", "uvicorn", "uvicorn.error", "uvicorn.access"]
    loggers = [logging.getLogger(name) for name in [*names, "circus", "py.warnings"]]
    before = [(one, one.handlers, one.propagate, one.level) for one in loggers]
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setenv(logs.FORMAT_VARIABLE, "json")
    logs.start()
    yield written
    logging.captureWarnings(capture=False)
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate, logger.level = handlers, propagate, level


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_of_json(guarded: Service, stream: io.StringIO) -> None:
    _, secret = guarded.runtime.store.keys.create("platform", set(Scope), "admin")
    guarded.client.get(
        "/v1/detections/none", headers={"Authorization": f"Bearer {secret}", "X-Request-ID": "abc"}
    )
    (line,) = [one for one in lines(stream) if one["logger"] == "assay.requests"]
    assert line.keys() >= {"time", "level", "logger", "message", "request_id", "ms"}
    assert line["request_id"] == "abc"
    assert (line["method"], line["status"], line["client"]) == ("GET", 404, "platform")
    assert (line["route"], line["capture_id"]) == ("/v1/detections/{capture_id}", "none")


def test_nothing_that_a_request_holds_is_logged(guarded: Service, stream: io.StringIO) -> None:
    store = guarded.runtime.store
    logging.getLogger("assay").setLevel(logging.DEBUG)
    _, secret = store.keys.create("platform", set(Scope), "admin")
    image = services.photo(60)
    headers = {"Authorization": f"Bearer {secret}"}
    answer = guarded.client.post(
        "/v1/detect", files={"file": ("a.jpg", image)}, data={"caption": CAPTION}, headers=headers
    )
    path = f"/v1/detections/{answer.json()['id']}/notice.html"
    signed = signed_urls.sign(path, 2**40, guarded.runtime.url_keys)
    guarded.client.get(signed)
    guarded.client.get(f"/sign-in/{secret}")
    guarded.client.get("/v1/detections/x", headers={"Authorization": "Bearer guess-1234"})
    guarded.client.post("/v1/detect", json={"url": f"http://127.0.0.1/{CAPTION}"}, headers=headers)
    assert len(lines(stream)) >= 5
    text = stream.getvalue()
    for hidden in (secret, "guess-1234", CAPTION, CAPTION.split()[1], signed.partition("?")[2]):
        assert hidden not in text
    assert "JFIF" not in text


def test_what_the_database_refuses_is_logged_without_its_values(
    tmp_path: Path, stream: io.StringIO
) -> None:
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as store:
        try:
            with store.database.engine.begin() as connection:
                connection.execute(sa.text("INSERT INTO nowhere VALUES (:said)"), {"said": CAPTION})
        except sa.exc.OperationalError as error:
            logging.getLogger("assay.store").warning("refused: %s", error, exc_info=error)
    (line,) = lines(stream)
    assert "nowhere" in line["message"]
    assert "Traceback" in line["exception"]
    assert CAPTION not in stream.getvalue()


def test_libraries_speak_the_same_form_and_the_access_log_is_silent(stream: io.StringIO) -> None:
    for name in ("uvicorn.error", "bentoml.serve", "circus", "py.warnings"):
        logging.getLogger(name).error("from %s", name)
    logging.getLogger("uvicorn.access").error("GET /?sig=secret")
    assert [one["logger"] for one in lines(stream)] == [
        "uvicorn.error", "bentoml.serve", "circus", "py.warnings",
    ]  # fmt: skip


def test_a_line_break_does_not_make_a_line(stream: io.StringIO) -> None:
    logging.getLogger("bento").info("one\ntwo \u2028 three")
    (line,) = lines(stream)
    assert line["message"] == "one\ntwo \u2028 three"


def test_people_read_plain_lines_with_the_request_at_their_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(logs.FORMAT_VARIABLE, raising=False)
    record = logging.LogRecord("bento", logging.INFO, "", 1, "ready after %d s", (2,), None)
    assert logs.formatter().format(record).endswith("INFO bento: ready after 2 s")
    token = logs.request_id.set("abc")
    try:
        assert logs.formatter().format(record).endswith("ready after 2 s [abc]")
    finally:
        logs.request_id.reset(token)
