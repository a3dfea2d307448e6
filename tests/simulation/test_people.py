"""Posts, users and moderators against a service in processes of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assay import images
from assay.load.client import Deployment
from assay.progress import silent
from assay.records import Label
from assay.simulation import people
from assay.simulation.people import Moderators
from assay.simulation.platform import Platform
from assay.simulation.sending import Answer, Beside, Crowd
from assay.simulation.settings import PeopleSettings, SimulationSettings, TrafficSettings
from assay.simulation.traffic import CLIENTS, Post
from assay.store import Scope
from tests.bento.servers import Server, serving
from tests.scenes import scene

SURE = PeopleSettings(moderators=2, errors=0.0, reports=1.0, false_reports=0.0)
SETTINGS = SimulationSettings(people=SURE, traffic=TrafficSettings(rate=20.0))


@dataclass(frozen=True)
class Town:
    """A service with everybody around it, after a few images came."""

    server: Server
    crowd: Crowd
    moderators: list[Deployment]
    posts: list[Post]
    answers: list[Answer]


@pytest.fixture(scope="module")
def town(served_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    state = tmp_path_factory.mktemp("town")
    with serving(served_model, state, auth=True, ASSAY_AUDIT_SHARE="1") as server:
        platform = Platform(state, 1.0)
        keys = {name: platform.new_key(name, Scope.DETECT, Scope.REPORT) for name in CLIENTS}
        clients = {name: Deployment(server.url, key) for name, key in keys.items()}
        crowd = Crowd(clients, SETTINGS, {})
        named = [people.moderator(number) for number in range(2)]
        moderators = [Deployment(server.url, platform.new_key(n, Scope.FEEDBACK)) for n in named]
        posts = [_post(number) for number in range(6)]
        yield Town(server, crowd, moderators, posts, crowd.send(posts, 6, silent, "images"))
        for one in (*clients.values(), *moderators):
            one.close()


def _post(number: int) -> Post:
    label = Label.MANIPULATED if number % 2 else Label.AUTHENTIC
    data = images.encode_jpeg(scene(number, 64, 64), 90)
    client = CLIENTS[number % len(CLIENTS)]
    return Post(
        f"post-{number}", data, label, "splice" if number % 2 else "", client=client, reach=7
    )


def test_answers_stand_beside_the_truth(town: Town):
    assert [one.name for one in town.answers] == [post.name for post in town.posts]
    assert [one.truth for one in town.answers] == [post.label for post in town.posts]
    assert all(one.status == 200 and one.label and one.model_version for one in town.answers)


def test_what_is_sent_again_after_a_kill_is_kept_once(town: Town):
    again = town.crowd.send(town.posts, 6, silent, "again")
    assert [one.score for one in again] == [one.score for one in town.answers]
    with town.server.store() as store:
        kept = [one.external_id for one in store.captures.page()]
    assert sorted(kept) == sorted(post.name for post in town.posts)


def test_users_report_unmarked_edits_alone(town: Town):
    for answer in town.answers:
        assert answer.is_reported == (answer.is_edited and not answer.is_flagged)


def test_moderators_tell_the_truth_and_share_the_work(town: Town):
    done = Moderators(town.moderators, SURE, 0, town.crowd.truth).work(lambda: True)
    assert (done.cases, done.wrong, done.audits) == (6, 0, 6)
    assert done.seconds > 6
    with town.server.store() as store:
        rows = list(store.labels.rows("tests"))
        assert store.review.backlog() == 0
    truth = {post.name: post.label.value for post in town.posts}
    assert {row["external_id"]: row["label"] for row in rows} == truth
    assert {row["decided_by"] for row in rows} == {"key:moderator-ada", "key:moderator-ben"}


def test_moderators_without_hours_leave_the_queue_alone(town: Town):
    idle = PeopleSettings(hours=0.0)
    assert Moderators(town.moderators, idle, 0, town.crowd.truth).work(lambda: True).cases == 0


def test_traffic_goes_on_beside_until_it_is_told_to_end(town: Town):
    more = iter(_post(number) for number in range(100, 200))
    with Beside(lambda over: town.crowd.trickle(more, lambda: True, over)) as beside:
        until = datetime.now(UTC).timestamp() + 0.5
        while datetime.now(UTC).timestamp() < until:
            pass
    assert 1 <= len(beside.result) < 60
    assert all(one.status == 200 for one in beside.result)


def test_new_key_revokes_those_of_a_simulation_that_was_killed(tmp_path: Path):
    platform = Platform(tmp_path / "state", 0.1)
    first, second = (platform.new_key("forum", Scope.DETECT) for _ in range(2))
    with platform.store() as store:
        assert store.keys.find(first) is None
        assert store.keys.find(second) is not None


def test_reports_are_as_frequent_as_set():
    posts = [Post(f"post-{n}", b"", Label.MANIPULATED) for n in range(400)]
    settings = PeopleSettings(reports=0.3)
    reported = [people.reports(post, False, settings, 0) for post in posts]
    assert 0.2 < sum(reported) / 400 < 0.4
    assert not any(people.reports(post, True, settings, 0) for post in posts)
