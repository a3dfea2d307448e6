"""Progress where there is no terminal: a few log lines, never two alike."""

from __future__ import annotations

import logging

import pytest

from assay import progress


@pytest.fixture
def heard(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, logger="assay.progress")
    return caplog


def test_bar_without_a_terminal_logs_the_end_once(heard: pytest.LogCaptureFixture):
    with progress.bar() as report:
        for done in (*range(101), 100):
            report(done, 100, "reading")
    assert heard.messages == ["reading: 100 of 100"]


def test_bar_without_a_terminal_speaks_as_time_passes(
    heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    clock = iter(range(0, 1000, 6))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar() as report:
        for done in range(5):
            report(done, 0, "reading")
    assert heard.messages == ["reading: 2 of ?", "reading: 4 of ?"]


def test_silent_says_nothing(heard: pytest.LogCaptureFixture):
    progress.silent(1, 1, "reading")
    assert heard.messages == []


def test_bar_without_a_terminal_says_how_long_it_will_still_take(
    heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    clock = iter((0.0, 30.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar() as report:
        report(40, 100, "reading")  # resumed: what was done before says nothing about the pace
        report(60, 100, "reading")
    assert heard.messages == ["reading: 60 of 100, about 1:00 left"]


def test_note_in_parentheses_begins_no_other_work(
    heard: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    clock = iter((0.0, 30.0))
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    with progress.bar() as report:
        report(40, 100, "training")
        report(60, 100, "training (loss 1.20)")
    assert heard.messages == ["training (loss 1.20): 60 of 100, about 1:00 left"]
