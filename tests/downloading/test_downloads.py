"""Downloads from hosts that are dead, slow, busy, lying and down; manners read from their log."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from assay import images
from assay.downloading import (
    Downloaded,
    Downloads,
    DownloadSettings,
    Lie,
    NotDownloaded,
    Refusal,
    Wanted,
    verification,
)
from assay.errors import StorageError, WorkerLost
from assay.home import REPOSITORY
from assay.storage import Storage, blob_path
from tests import image_server, s3
from tests.image_server import Server

Outcome = Downloaded | NotDownloaded


def jpeg(seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), np.uint8)
    return images.encode_jpeg(noise, 90)


def settings(server: Server, **others: object) -> DownloadSettings:
    quick = {"connections": 8, "pause_seconds": 0.0, "backoff_seconds": 0.01, "workers": 1}
    return DownloadSettings(outbound=server.outbound, **(quick | others))


@pytest.fixture
def server() -> Iterator[Server]:
    with image_server.running(hosts=3) as running:
        running.replies |= {f"/{n}.jpg": image_server.image(jpeg(n)) for n in range(20)}
        yield running


@pytest.fixture
def downloads(tmp_path: Path) -> Iterator[Downloads]:
    made = Downloads(tmp_path / "ledger", Storage(str(tmp_path / "images")))
    yield made
    made.close()


def fetched(downloads: Downloads, server: Server, *urls: str, **others: object) -> list[Outcome]:
    return list(downloads.fetch([Wanted(url) for url in urls], settings(server, **others)))


def fetched_one(downloads: Downloads, server: Server, path: str, **others: object) -> Outcome:
    return fetched(downloads, server, server.url(path), **others)[0]


ANSWERS: dict[str, tuple[image_server.Reply | list[image_server.Reply], Refusal | None, int]] = {
    "good": (image_server.image(jpeg()), None, 1),
    "redirected": (image_server.redirect("/0.jpg"), None, 1),
    "good at the third time": (
        [image_server.broken(500), image_server.broken(503), image_server.image(jpeg())], None, 3,
    ),
    "good after a torn body": (
        [image_server.truncated(jpeg()), image_server.image(jpeg())], None, 2,
    ),
    "gone": (image_server.dead(404), Refusal.DEAD, 1),
    "gone for good": (image_server.dead(410), Refusal.DEAD, 1),
    "not for us": (image_server.dead(403), Refusal.DENIED, 1),
    "no content": (image_server.dead(204), Refusal.DENIED, 1),
    "a page": (image_server.html(), Refusal.WRONG_TYPE, 1),
    "torn each time": (image_server.truncated(jpeg()), Refusal.TRUNCATED, 3),
    "longer than it says": (image_server.understated(jpeg()), Refusal.UNREADABLE, 1),
    "endless": (image_server.endless(), Refusal.TOO_LARGE, 1),
    "empty": (image_server.image(b""), Refusal.WRONG_TYPE, 1),
    "into our network": (image_server.redirect("http://127.0.0.1/x"), Refusal.FORBIDDEN, 1),
    "round and round": (image_server.redirect("/round"), Refusal.DENIED, 6),
    "broken": (image_server.broken(), Refusal.SERVER_ERROR, 3),
    "busy": (image_server.busy(), Refusal.RATE_LIMITED, 3),
    "busy for an hour": (image_server.busy("3600"), Refusal.RATE_LIMITED, 1),
    "hangs up": (image_server.hang_up(), Refusal.UNREACHABLE, 3),
    "silent": (image_server.slow(image_server.dead(), 5.0), Refusal.TIMED_OUT, 3),
}  # fmt: skip


@pytest.mark.parametrize(("reply", "refusal", "requests"), ANSWERS.values(), ids=ANSWERS)
def test_fetch_says_what_became_of_a_url(
    reply: image_server.Reply,
    refusal: Refusal | None,
    requests: int,
    server: Server,
    downloads: Downloads,
):
    server.replies["/round"] = reply
    limits = server.outbound.model_copy(update={"read_seconds": 0.1})
    (found,) = downloads.fetch(
        [Wanted(server.url("/round"))],
        settings(server, attempts=3, max_bytes=300_000).model_copy(update={"outbound": limits}),
    )
    assert (found.refusal if isinstance(found, NotDownloaded) else None) == refusal, found
    assert len(server.asked("/round")) == requests
    assert downloads.known(server.url("/round")) == found
    if isinstance(found, Downloaded):
        assert downloads.read(found.digest) == jpeg()


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("", Refusal.NO_URL),
        (" ", Refusal.NO_URL),
        ("ftp://images.example/a.jpg", Refusal.FORBIDDEN),
        ("http://169.254.169.254/latest", Refusal.FORBIDDEN),
        ("http://[::1", Refusal.FORBIDDEN),
    ],
)
def test_an_address_that_may_not_be_asked_is_refused(
    url: str, refusal: Refusal, downloads: Downloads, server: Server
):
    (found,) = fetched(downloads, server, url, attempts=1)
    assert isinstance(found, NotDownloaded)
    assert found.refusal is refusal
    assert not server.requests


def test_an_address_with_half_a_character_is_refused(downloads: Downloads, server: Server):
    url = "http://images.example/\ud800.jpg"
    (found,) = fetched(downloads, server, url)
    assert isinstance(found, NotDownloaded)
    assert found.refusal is Refusal.FORBIDDEN
    assert downloads.known(url) is None


def test_results_keep_the_order_although_the_first_is_the_slowest(
    server: Server, downloads: Downloads
):
    server.replies["/0.jpg"] = image_server.slow(image_server.image(jpeg()), 0.4)
    urls = [server.url(f"/{n}.jpg", host=n % 3) for n in range(12)]
    assert [one.url for one in fetched(downloads, server, *urls)] == urls
    assert len(server.requests) == 12


def test_look_ahead_is_bounded(server: Server, downloads: Downloads):
    drawn = []

    def wanted() -> Iterator[Wanted]:
        for number in range(12):
            drawn.append(number)
            yield Wanted(server.url(f"/{number}.jpg", host=number % 3))

    server.replies["/0.jpg"] = image_server.slow(image_server.image(jpeg()), 0.3)
    outcomes = downloads.fetch(wanted(), settings(server, look_ahead=5))
    next(outcomes)
    assert len(drawn) == 5
    assert len(list(outcomes)) == 11


def test_a_slow_host_holds_nobody_else_up(server: Server, downloads: Downloads):
    server.replies |= {
        f"{server.hosts[0]}/{n}.jpg": image_server.slow(image_server.dead(), 0.5) for n in range(6)
    }
    urls = [server.url(f"/{n}.jpg", host) for n in range(6) for host in range(3)]
    fetched(downloads, server, *urls, connections=4)
    quick = server.starts(1) + server.starts(2)
    assert len(quick) == 12
    assert max(quick) < server.starts(0)[3]  # of its six, two at a time


def test_one_host_gets_few_requests_at_a_time_with_pauses(server: Server, downloads: Downloads):
    server.otherwise = image_server.slow(image_server.image(jpeg()), 0.1)
    urls = [server.url(f"/other/{n}", host) for n in range(6) for host in range(2)]
    fetched(downloads, server, *urls, per_host=2, pause_seconds=0.04)
    for host in range(2):
        starts = server.starts(host)
        gaps = [later - sooner for sooner, later in pairwise(starts)]
        assert len(starts) == 6
        assert starts[5] - starts[0] >= 5 * 0.04 - 0.02
        assert min(gaps) >= 0.02  # of 0.04; the server's clock starts when its thread gets to it
        assert server.most_at_once[server.hosts[host]] == 2
    assert server.most_at_once[""] > 2


def test_retry_after_is_obeyed_by_the_whole_host_and_by_no_other(
    server: Server, downloads: Downloads
):
    server.replies["/0.jpg"] = [image_server.busy("1"), image_server.image(jpeg())]
    urls = [server.url(f"/{n}.jpg", host) for n in range(5) for host in (0, 1)]
    found = fetched(downloads, server, *urls, per_host=1, host_failures=20)
    assert all(isinstance(one, Downloaded) for one in found)
    busy = server.asked("/0.jpg")[0]
    host = server.hosts.index(busy.host)
    after = [at for at in server.starts(host) if at > busy.at]
    assert after[0] - busy.at >= 0.99
    assert max(server.starts(1 - host)) - busy.at < 0.99


def test_attempts_are_further_and_further_apart(server: Server, downloads: Downloads):
    server.replies["/0.jpg"] = image_server.broken()
    fetched_one(downloads, server, "/0.jpg", attempts=4, backoff_seconds=0.1)
    at = [request.at for request in server.asked("/0.jpg")]
    gaps = [later - sooner for sooner, later in pairwise(at)]
    assert [gap >= least for gap, least in zip(gaps, (0.05, 0.1, 0.2), strict=True)] == [True] * 3


def test_a_host_that_is_down_is_given_up_without_asking_for_each_url(
    server: Server, downloads: Downloads
):
    server.replies |= {f"{server.hosts[0]}/{n}.jpg": image_server.hang_up() for n in range(20)}
    urls = [server.url(f"/{n}.jpg", host) for n in range(20) for host in (0, 1)]
    found = fetched(downloads, server, *urls, host_failures=4)
    assert all(isinstance(one, Downloaded) for one in found[1::2])
    assert {one.refusal for one in found[::2]} == {Refusal.UNREACHABLE}  # type: ignore[union-attr]
    assert len(server.starts(0)) <= 5
    assert "given up" in found[-2].reason  # type: ignore[union-attr]


def test_what_is_known_is_not_asked_again(server: Server, downloads: Downloads):
    server.replies["/broken"] = image_server.broken()
    urls = [server.url(path) for path in ("/0.jpg", "/gone", "/broken", "/0.jpg")]
    first = fetched(downloads, server, *urls)
    asked = len(server.requests)
    assert fetched(downloads, server, *urls) == first
    assert len(server.requests) == asked == 1 + 1 + 4
    assert first[0] == first[3]
    assert downloads.counts() == {"dead": 1, "downloaded": 1, "server_error": 1}


@pytest.mark.parametrize(
    ("reply", "due"),
    [(image_server.dead(), {"dead_days": 0}), (image_server.broken(400), {"dead_days": 0}),
     (image_server.broken(), {"failed_hours": 0})],
)  # fmt: skip
def test_what_failed_is_asked_again_when_it_is_due(
    reply: image_server.Reply, due: dict[str, float], server: Server, downloads: Downloads
):
    server.replies["/a"] = reply
    assert isinstance(fetched_one(downloads, server, "/a", attempts=1), NotDownloaded)
    server.replies["/a"] = image_server.image(jpeg())
    assert isinstance(fetched_one(downloads, server, "/a", attempts=1), NotDownloaded)
    assert isinstance(fetched_one(downloads, server, "/a", attempts=1, **due), Downloaded)
    assert len(server.asked("/a")) == 2


def test_a_refresh_is_conditional_and_brings_what_changed(server: Server, downloads: Downloads):
    server.replies["/a"] = image_server.image(jpeg(0), ETag='"one"')
    first = fetched_one(downloads, server, "/a")
    assert fetched_one(downloads, server, "/a", refresh_days=1) == first
    assert fetched_one(downloads, server, "/a", refresh_days=0) == first
    conditional = server.asked("/a")[1].headers
    assert conditional["if-none-match"] == '"one"'
    server.replies["/a"] = image_server.image(jpeg(1), ETag='"two"')
    second = fetched_one(downloads, server, "/a", refresh_days=0)
    assert isinstance(second, Downloaded)
    assert downloads.read(second.digest) == jpeg(1)
    assert len(server.asked("/a")) == 3


def test_an_image_outlives_its_url(server: Server, downloads: Downloads):
    first = fetched_one(downloads, server, "/0.jpg")
    server.replies["/0.jpg"] = image_server.dead()
    assert fetched_one(downloads, server, "/0.jpg", refresh_days=0) == first
    assert fetched_one(downloads, server, "/0.jpg", refresh_days=0) == first
    assert len(server.asked("/0.jpg")) == 2  # it is dead for a while


def test_what_the_storage_lost_is_asked_again(server: Server, downloads: Downloads, tmp_path: Path):
    first = fetched_one(downloads, server, "/0.jpg")
    assert isinstance(first, Downloaded)
    Storage(str(tmp_path / "images")).remove(blob_path(first.digest))
    assert fetched_one(downloads, server, "/0.jpg") == first
    assert downloads.read(first.digest) == jpeg()


@pytest.mark.parametrize("later", [image_server.image(jpeg(), ETag='"one"'), image_server.dead()])
def test_what_the_storage_lost_is_not_believed_to_be_unchanged(
    server: Server, downloads: Downloads, tmp_path: Path, later: image_server.Reply
):
    server.replies["/a"] = image_server.image(jpeg(), ETag='"one"')
    first = fetched_one(downloads, server, "/a")
    assert isinstance(first, Downloaded)
    Storage(str(tmp_path / "images")).remove(blob_path(first.digest))
    server.replies["/a"] = later
    again = fetched_one(downloads, server, "/a", refresh_days=0)
    assert not isinstance(again, Downloaded) or downloads.read(again.digest) == jpeg()
    assert "if-none-match" not in server.asked("/a")[1].headers


def test_a_source_that_lies_is_found_out(server: Server, downloads: Downloads):
    size, url = len(jpeg()), server.url("/0.jpg")
    said = [(size, "image/jpg; q=1"), (size + 1, ""), (None, "image/png"), (1, "image/gif")]
    wanted = [Wanted(url, size, kind) for size, kind in said]
    found = list(downloads.fetch(wanted, settings(server)))
    assert [one.lies for one in found] == [  # type: ignore[union-attr]
        (), (Lie.WRONG_SIZE,), (Lie.WRONG_MEDIA_TYPE,), (Lie.WRONG_SIZE, Lie.WRONG_MEDIA_TYPE),
    ]  # fmt: skip


def test_a_redirect_waits_for_its_own_hosts_turn(server: Server, downloads: Downloads):
    server.replies |= {
        f"/to/{n}": image_server.redirect(server.url(f"/{n}.jpg", 1)) for n in range(6)
    }
    server.replies |= {
        f"/{n}.jpg": image_server.slow(image_server.image(jpeg(n)), 0.03) for n in range(6)
    }
    urls = [server.url(f"/to/{n}", host=n % 2 * 2) for n in range(6)]
    found = fetched(downloads, server, *urls, per_host=1)
    assert [one.url for one in found] == urls
    assert server.most_at_once[server.hosts[1]] == 1
    assert len(server.starts(1)) == 6


def test_a_storage_that_fails_is_told(server: Server, tmp_path: Path):
    (tmp_path / "file").write_text("")
    downloads = Downloads(tmp_path / "ledger", Storage(str(tmp_path / "file")))
    with pytest.raises(StorageError, match="Not a directory"):
        fetched_one(downloads, server, "/0.jpg")
    assert downloads.known(server.url("/0.jpg")) is None


def behind_a_slow_one(server: Server, downloads: Downloads) -> float:
    """Seconds until twenty images fail to come whose first takes ten."""
    server.replies["/slow"] = image_server.slow(image_server.dead(), 10.0)
    waiting = {"read_seconds": 20.0, "total_seconds": 20.0}
    chosen = settings(server, per_host=8)
    chosen = chosen.model_copy(update={"outbound": server.outbound.model_copy(update=waiting)})
    urls = [server.url("/slow"), *(server.url(f"/{n}.jpg") for n in range(20))]
    start = time.monotonic()
    with pytest.raises((StorageError, WorkerLost)):
        list(downloads.fetch(map(Wanted, urls), chosen))
    return time.monotonic() - start


def test_a_storage_that_fails_ends_the_work_at_once(server: Server, tmp_path: Path):
    (tmp_path / "file").write_text("")
    downloads = Downloads(tmp_path / "ledger", Storage(str(tmp_path / "file")))
    assert behind_a_slow_one(server, downloads) < 8


def test_decoders_that_do_not_start_end_the_work_at_once(
    server: Server, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(verification, "_serve", len)  # fails before it says that it is ready
    assert behind_a_slow_one(server, downloads) < 8
    assert downloads.known(server.url("/1.jpg")) is None


def test_two_at_once_in_one_folder_are_refused(server: Server, downloads: Downloads):
    urls = [Wanted(server.url(f"/{n}.jpg")) for n in range(3)]
    outcomes = downloads.fetch(urls, settings(server))
    next(outcomes)
    with pytest.raises(StorageError, match="another process"):
        fetched_one(downloads, server, "/0.jpg")
    outcomes.close()
    assert isinstance(fetched_one(downloads, server, "/0.jpg"), Downloaded)


def test_breaking_off_leaves_what_was_finished(server: Server, downloads: Downloads):
    server.replies["/slow"] = image_server.slow(image_server.dead(), 5.0)
    urls = [server.url(f"/{n}.jpg", host=n % 3) for n in range(9)]
    wanted = [*map(Wanted, urls), Wanted(server.url("/slow"))]
    outcomes = downloads.fetch(wanted, settings(server))
    begun = [next(outcomes) for _ in range(9)]
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 3
    assert fetched(downloads, server, *urls) == begun
    assert all(len(server.asked(f"/{n}.jpg")) == 1 for n in range(9))


def test_progress_counts_outcomes(server: Server, downloads: Downloads):
    told: list[tuple[int, int, str]] = []
    wanted = [Wanted(server.url(path)) for path in ("/0.jpg", "/gone", "/1.jpg")]
    for _ in downloads.fetch(wanted, settings(server), lambda *heard: told.append(heard)):
        pass
    assert told[-1] == (3, 3, "downloads (2 downloaded, 1 dead)")


def test_images_go_to_an_object_store(server: Server, tmp_path: Path):
    with s3.running() as bucket:
        downloads = Downloads(tmp_path, Storage(bucket))
        found = fetched_one(downloads, server, "/0.jpg")
        assert isinstance(found, Downloaded)
        assert downloads.read(found.digest) == jpeg()
        assert fetched_one(downloads, server, "/0.jpg") == found
    assert len(server.asked("/0.jpg")) == 1


PROGRAM = """
import sys
from pathlib import Path
from assay.downloading import Downloads, DownloadSettings, Wanted
from assay.storage import Storage

if __name__ == "__main__":
    folder, settings, *urls = sys.argv[1:]
    downloads = Downloads(Path(folder), Storage(folder + "/images"))
    wanted = [Wanted(url) for url in urls]
    for one in downloads.fetch(wanted, DownloadSettings.model_validate_json(settings)):
        print(one.url, flush=True)
"""


def test_a_killed_download_goes_on_without_asking_twice(server: Server, tmp_path: Path):
    urls = [server.url(f"/{n}.jpg", host=n % 3) for n in range(20)]
    asked = settings(server, pause_seconds=0.15, per_host=1, look_ahead=6)
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, program, tmp_path, asked.model_dump_json(), *urls]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        finished = [process.stdout.readline().strip() for _ in range(6)]  # type: ignore[union-attr]
        process.kill()
    assert finished == urls[:6]
    before = len(server.requests)
    assert before < 20
    downloads = Downloads(tmp_path, Storage(f"{tmp_path}/images"))
    known = [url for url in urls if downloads.known(url)]
    found = list(downloads.fetch(map(Wanted, urls), settings(server)))
    assert all(isinstance(one, Downloaded) for one in found)
    again = {request.path for request in server.requests[before:]}
    assert not again & {f"/{url.rsplit('/', 1)[1]}" for url in known}
    assert set(finished) <= set(known)
    assert len(again) == 20 - len(known)
