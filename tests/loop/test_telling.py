"""What people are told of turns: each end once, and again where it did not arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from assay.loop.telling import Teller, event
from assay.notifications import Kind, Notifier
from assay.store import Store, StoreSettings
from assay.store.loops import LoopRun, LoopState, StageResult
from tests import web

LINK = "https://assay.example.org"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(StoreSettings(folder=tmp_path), drain=False) as opened:
        yield opened


def decided(store: Store) -> LoopRun:
    """A turn that is to learn."""
    run = store.loops.claim("test", timedelta(days=1))
    store.loops.begin(run.id, "monitor")
    result = StageResult("recall fell from 0.91 to 0.62", {"action": "retrain"})
    return store.loops.finish(run.id, "monitor", result)


def told(site: web.Site) -> list[str]:
    bodies = (request.partition(b"\r\n\r\n")[2] for request in site.requests)
    return [json.loads(body)["text"] for body in bodies]


def notifier(site: web.Site) -> Notifier:
    return Notifier(f"http://{web.HERE}:{site.port}/", allow_private=True, first_wait=0.01)


def test_learning_is_told_when_it_begins_and_once(store: Store) -> None:
    run = decided(store)
    with web.site(web.reply()) as site, notifier(site) as sending:
        teller = Teller(store.loops, sending, LINK)
        for stage in ("learn", "learn", "optimize"):
            run = store.loops.begin(run.id, stage)
            teller.begun(run, stage)
    (said,) = told(site)
    assert said.splitlines() == [
        "*The loop begins to retrain*", "recall fell from 0.91 to 0.62", f"<{LINK}>",
    ]  # fmt: skip


def test_end_is_told_once(store: Store) -> None:
    store.loops.end(decided(store).id, LoopState.FAILED, "learn: no disk left")
    with web.site(web.reply()) as site, notifier(site) as sending:
        for _ in range(2):
            Teller(store.loops, sending, LINK).ended()
    (said,) = told(site)
    assert ":rotating_light: *The loop failed*" in said
    assert "learn: no disk left\nmonitor: recall fell from 0.91 to 0.62" in said


def test_end_that_reached_nobody_is_told_by_the_next_turn(store: Store) -> None:
    store.loops.end(decided(store).id, LoopState.PAGED)
    with web.site(web.reply(status="503 Busy")) as site, notifier(site) as sending:
        Teller(store.loops, sending, LINK).ended()
    store.loops.end(decided(store).id, LoopState.CALM)
    with web.site(web.reply()) as site, notifier(site) as sending:
        Teller(store.loops, sending, LINK).ended()
    (said,) = told(site)
    assert "The monitor asks for a person" in said


@pytest.mark.parametrize("state", sorted({*LoopState} - {LoopState.RUNNING, LoopState.CALM}))
def test_every_end_has_its_words_and_only_good_news_ask_nobody(
    store: Store, state: LoopState
) -> None:
    said = event(store.loops.end(decided(store).id, state), LINK)
    assert said.title
    assert (said.kind is Kind.INFO) == (state is LoopState.COMPLETED)
