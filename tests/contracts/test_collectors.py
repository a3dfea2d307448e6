"""What every collector promises; a new file in the folder needs its platform in tests.platforms."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assay import collecting, collectors, plugins
from assay.collecting import CollectSettings, Ending, Gathered
from assay.collectors import Collector
from assay.errors import ConfigError, SourceUnavailable
from assay.home import REPOSITORY
from tests.platforms import (
    NETWORKS,
    PAGE,
    PLATFORMS,
    TOKEN,
    Asked,
    Platform,
    Reply,
    Service,
    Time,
    as_json,
)

KINDS = sorted(plugins.discover("assay.collectors", Collector))  # type: ignore[type-abstract]
PAGED = [name for name in KINDS if PLATFORMS[name].pages]
CHILD = (
    "import json, pathlib, sys; from assay import collecting as c; "
    "c.collect(c.CollectSettings.model_validate_json(sys.argv[1]), pathlib.Path(sys.argv[2]))"
)


class World:
    """A platform, a service, and a state folder."""

    def __init__(self, platform: Platform, service: Service, folder: Path) -> None:
        self.platform, self.service, self.folder = platform, service, folder

    def settings(self, **more: Any) -> CollectSettings:
        outbound = {"allowed_networks": NETWORKS, "ports": [self.platform.port]}
        chosen = {"collector": self.platform.name, "options": self.platform.options()}
        given = {
            "collectors": {"ours": chosen},
            "service": self.service.url,
            "api": {**outbound, "backoff_seconds": 0.01, "longest_wait_seconds": 1000},
            "downloads": {"outbound": outbound, "pause_seconds": 0, "workers": 1},
        }
        for name, value in more.items():
            given[name] = {**given[name], **value} if isinstance(value, dict) else value
        return CollectSettings.model_validate(given)

    def collect(self, **more: Any) -> Gathered:
        time = self.platform.time
        (found,) = collecting.collect(self.settings(**more), self.folder, clock=time.clock).gathered
        return found


@pytest.fixture(params=KINDS)
def world(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    time = Time()
    platform, service = PLATFORMS[request.param](time), Service(time)
    if platform.variable:
        monkeypatch.setenv(platform.variable, TOKEN)
    with ExitStack() as stack:
        stack.enter_context(platform.running())
        stack.enter_context(service.running())
        platform.publish(12)
        yield World(platform, service, tmp_path)


paged = pytest.mark.parametrize("world", PAGED, indirect=True)


def test_name_is_its_module() -> None:
    assert set(PLATFORMS) == set(KINDS)
    for name in KINDS:
        kind = plugins.find("assay.collectors", Collector, name)  # type: ignore[type-abstract]
        assert kind.__module__ == f"{collectors.__name__}.{name}"


def test_each_image_is_handed_in_once_and_only_new_ones_later(world: World) -> None:
    found = world.collect()
    assert (found.ending, found.reason) == (Ending.COMPLETE, "")
    assert world.service.images() == world.platform.published()
    assert all(one["external_id"].startswith(found.collector) for one in world.service.captured)
    again = world.collect()
    assert (again.ending, again.handed_in) == (Ending.COMPLETE, 0)
    world.platform.publish(3)
    assert world.collect().handed_in == 4
    assert world.service.images() == world.platform.published()


def test_refused_token_names_its_variable_and_stays_secret(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    world.platform.faults = [Reply(b"{}", 401) for _ in range(20)]
    found = world.collect()
    if variable := world.platform.variable:
        assert found.ending is Ending.REFUSED
        assert variable in found.reason
    assert TOKEN not in found.reason + caplog.text
    assert not world.service.captured


def test_missing_token_is_said_before_anything_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = plugins.find("assay.collectors", Collector, world.platform.name)  # type: ignore[type-abstract]
    if not kind.needs_token:
        return
    monkeypatch.delenv(kind.variable)
    with pytest.raises(ConfigError, match=kind.variable):
        world.collect()
    assert not world.platform.log


def test_limit_is_waited_for_and_never_broken(world: World) -> None:
    world.platform.limit = 3
    found = world.collect(api={"longest_wait_seconds": 2000})
    assert (found.ending, world.platform.violations) == (Ending.COMPLETE, 0)
    assert world.service.images() == world.platform.published()
    times = [one.at for one in world.platform.api_log()]
    assert all(late - early >= 899 for early, late in zip(times, times[3:], strict=False))


def test_long_limit_ends_the_run_and_the_next_goes_on(world: World) -> None:
    world.platform.faults = [world.platform.too_often(1200) for _ in range(2)]
    found = world.collect(api={"longest_wait_seconds": 5})
    assert found.ending is Ending.LIMITED
    assert found.until is not None
    assert found.until.timestamp() == pytest.approx(world.platform.time.at + 1200, abs=61)
    world.platform.faults.clear()
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


@pytest.mark.parametrize("kind", ["5xx", "half", "cut"])
def test_failure_that_passes_loses_nothing(world: World, kind: str) -> None:
    bad = {
        "5xx": Reply(b"oops", 503),
        "half": Reply(b'[{"id": "1', 200),
        "cut": Reply(b'[{"id": "1', 200, length=500),
    }[kind]
    if kind == "half" and not world.platform.pages:
        return  # a page of text may end anywhere
    world.platform.faults = [bad]
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


def test_failure_that_stays_is_told_and_made_up_for(world: World) -> None:
    world.platform.faults = [Reply(b"[{", 200, length=500) for _ in range(40)]
    assert world.collect().ending in (Ending.UNAVAILABLE, Ending.PARTIAL)
    world.platform.faults.clear()
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


@paged
def test_cursor_that_repeats_ends_the_walk(world: World) -> None:
    world.platform.repeats = True
    found = world.collect()
    assert found.ending is Ending.REPEATED
    assert len(world.platform.api_log()) < 8
    world.platform.repeats = False
    world.collect()
    assert world.service.images() == world.platform.published()


def test_empty_platform_is_complete(world: World) -> None:
    world.platform.posts.clear()
    found = world.collect()
    assert (found.ending, found.images) == (Ending.COMPLETE, 0)


def test_deleted_image_is_refused_with_its_reason(world: World) -> None:
    world.platform.deleted = {0}
    found = world.collect()
    assert found.ending is Ending.COMPLETE
    assert list(found.refused) == ["dead"]
    assert world.service.images() == world.platform.published()


def test_enough_posts_end_a_run_and_the_next_goes_on(world: World) -> None:
    if not world.platform.pages:
        return
    assert world.collect(most_posts=PAGE).ending is Ending.ENOUGH
    world.platform.publish(2)
    while world.collect(most_posts=PAGE).ending is Ending.ENOUGH:
        pass
    world.collect()
    assert world.service.images() == world.platform.published()


def test_busy_service_is_given_time(world: World) -> None:
    world.service.faults = [Reply(b"{}", 429, {"Retry-After": "30"}), Reply(b"{}", 503)]
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


def test_missing_service_is_said_before_anything_is_asked(world: World) -> None:
    with pytest.raises(SourceUnavailable, match="make serve"):
        world.collect(service="http://127.0.0.1:9")
    assert not world.platform.log


@pytest.mark.parametrize(
    ("where", "nth", "when"),
    [
        ("platform", 3, "before"),
        ("platform", 9, "after"),
        ("service", 3, "before"),
        ("service", 5, "after"),
    ],
)
@pytest.mark.parametrize("world", ["mastodon", "web"], indirect=True)
def test_killed_run_is_gone_on_with(world: World, where: str, nth: int, when: str) -> None:
    world.platform.robots = ""  # the child's clock is the real one
    server = world.platform if where == "platform" else world.service
    asked: list[Asked] = []

    def kill(one: Asked) -> None:
        asked.append(one)
        if len(asked) == nth:
            os.kill(child.pid, signal.SIGKILL)

    setattr(server, when, kill)
    settings = json.dumps(world.settings(clients=1).model_dump(mode="json"))
    command = [sys.executable, "-c", CHILD, settings, str(world.folder)]
    child = subprocess.Popen(command, cwd=REPOSITORY)
    assert child.wait(timeout=60) == -signal.SIGKILL
    setattr(server, when, lambda _: None)
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


FORMLESS = [
    *(b"[]", b"5", b"null", b'"x"', b'{"data": 5}', b'{"data": [5]}', b"[5]", b'[{"id": "abc"}]'),
    *(b'{"data": {"a": 1}, "meta": []}', b'{"data": [{"id": {}, "media_url": {}}]}'),
    *(b'{"capture_id": "\\ud800", "kept_image": true}', b"<rss><channel><item/></channel></rss>"),
]


@pytest.mark.parametrize("body", FORMLESS, ids=lambda body: body[:20].decode())
def test_answer_of_another_form_ends_no_run(world: World, body: bytes) -> None:
    world.platform.api = lambda asked: Reply(body)  # type: ignore[method-assign]
    assert world.collect(api={"attempts": 1}).ending in {*Ending} - {Ending.BUSY}


@pytest.mark.parametrize(
    "headers",
    [
        {"x-rate-limit-remaining": "0", "x-rate-limit-reset": "999999999999"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "9999-12-31T23:59:59-14:00"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -1400"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_limit_beyond_the_calendar_is_one(world: World, headers: dict[str, str]) -> None:
    world.platform.faults = [Reply(b"{}", 429, headers)]
    assert world.collect().ending is Ending.LIMITED


@pytest.mark.parametrize("seconds", ["0", "-5"])
def test_limit_that_is_over_is_not_asked_for_at_once(world: World, seconds: str) -> None:
    world.platform.faults = [Reply(b"{}", 429, {"Retry-After": seconds})]
    assert world.collect(api={"backoff_seconds": 7}).ending is Ending.COMPLETE
    first, second = world.platform.api_log()[:2]
    assert second.at - first.at >= 7


@pytest.mark.parametrize("world", ["mastodon"], indirect=True)
@pytest.mark.parametrize(
    "reply",
    [Reply(b"<html>"), Reply(b"{}"), Reply(b"moved", 302), Reply(b"no route", 404)],
    ids=lambda reply: f"{reply.status} {reply.body.decode()}",
)
def test_answer_that_is_not_the_services_refuses_no_image(world: World, reply: Reply) -> None:
    world.service.faults = [reply] * 2
    assert world.collect().ending is Ending.BUSY
    world.service.faults = []
    world.collect()
    assert world.service.images() == world.platform.published()


@pytest.mark.parametrize("world", ["x"], indirect=True)
def test_empty_pages_without_end_are_left(world: World) -> None:
    def endless(asked: Asked) -> Reply:
        following = int(asked.query.get("next_token", 0)) + 1
        return as_json({"meta": {"next_token": str(following)}})

    world.platform.api = endless  # type: ignore[method-assign]
    assert world.collect(most_posts=20).ending is Ending.ENOUGH
    assert len(world.platform.api_log()) == 20


@pytest.mark.parametrize("world", ["web"], indirect=True)
def test_a_slow_site_keeps_nobody_else_waiting(world: World) -> None:
    robots = {"/robots.txt": Reply(b"User-agent: *\nCrawl-delay: 1e30")}
    page = Reply(b"<!doctype html><img src='http://localhost:1/a.jpg'>")
    world.platform.api = lambda asked: robots.get(asked.path, page)  # type: ignore[method-assign]
    found = world.collect()
    assert (found.ending, found.after.page) == (Ending.LIMITED, "")


@pytest.mark.parametrize("world", ["web"], indirect=True)
def test_tag_of_a_page_that_cannot_be_sent_is_forgotten(world: World) -> None:
    page = Reply(b"<!doctype html>", headers={"ETag": "\xe9"})
    world.platform.api = lambda asked: page  # type: ignore[method-assign]
    assert [world.collect().ending for _ in range(2)] == [Ending.COMPLETE] * 2


@pytest.mark.parametrize("world", ["web"], indirect=True)
@pytest.mark.parametrize(
    "part",
    [
        "<link>http://[bad</link>",
        '<enclosure url="http://[bad" type="image/png"/>',
        "<pubDate>0000-00-00</pubDate>",
    ],
)
def test_entry_with_a_broken_part_is_an_entry(world: World, part: str) -> None:
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel><item>{part}</item></channel></rss>'
    world.platform.api = lambda asked: Reply(feed.encode())  # type: ignore[method-assign]
    found = world.collect()
    assert (found.ending, found.posts) == (Ending.COMPLETE, 2)


@pytest.mark.parametrize("world", ["captures"], indirect=True)
def test_image_at_which_its_platform_fails_stops_no_other(world: World) -> None:
    platform, broken = world.platform, Reply(b"{}", 500)
    whole = platform.api
    platform.api = lambda asked: (  # type: ignore[method-assign]
        broken if asked.path.endswith("/c000010/image") else whole(asked)
    )
    found = world.collect()
    assert (found.ending, found.later) == (Ending.COMPLETE, 1)
    assert len(world.service.images()) == len(platform.published()) - 1
    platform.api = whole  # type: ignore[method-assign]
    world.collect()
    assert world.service.images() == platform.published()


@pytest.mark.parametrize("world", ["mastodon"], indirect=True)
def test_images_that_were_lost_before_they_were_sent_are_fetched_again(world: World) -> None:
    world.service.faults = [Reply(b"{}", 503)] * 4
    assert world.collect(longest_wait_seconds=0).ending is Ending.BUSY
    shutil.rmtree(world.folder / "images")
    world.service.faults = []
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()


@pytest.mark.parametrize("world", ["mastodon"], indirect=True)
def test_text_that_cannot_be_kept_costs_no_post(world: World) -> None:
    shown = world.platform.status  # type: ignore[attr-defined]
    odd = {"spoiler_text": "a\0b\ud800", "url": "https://social.example/\ud800\0"}
    world.platform.status = lambda one: shown(one) | odd  # type: ignore[attr-defined]
    assert world.collect().ending is Ending.COMPLETE
    assert world.service.images() == world.platform.published()
    assert all(one["caption"].startswith("ab? ") for one in world.service.captured)


@pytest.mark.parametrize("world", ["mastodon"], indirect=True)
def test_service_that_asks_for_eternity_is_left(world: World) -> None:
    world.service.faults = [Reply(b"{}", 429, {"Retry-After": "9" * 400})] * 2
    found = world.collect()
    assert found.ending is Ending.LIMITED


@pytest.mark.parametrize("world", ["x"], indirect=True)
def test_account_that_cannot_be_one_is_refused(world: World) -> None:
    world.platform.api = lambda asked: as_json({"errors": [{}]}, 400)  # type: ignore[method-assign]
    options = {"base_url": world.platform.url, "user": "not a name"}
    found = world.collect(collectors={"ours": {"collector": "x", "options": options}})
    assert found.ending is Ending.REFUSED
    assert "correct `user`" in found.reason


@pytest.mark.parametrize("world", ["instagram"], indirect=True)
def test_limit_that_is_told_as_a_bad_request_is_waited_for_on_any_page(world: World) -> None:
    answered, told = world.platform.api, []

    def limited_once(asked: Asked) -> Reply:
        if asked.query.get("after") and not told:
            told.append(asked)
            return Reply(b'{"error": {"code": 4}}', 400)
        return answered(asked)

    world.platform.api = limited_once  # type: ignore[method-assign]
    assert world.collect().ending is Ending.COMPLETE
    assert told
    assert world.service.images() == world.platform.published()
