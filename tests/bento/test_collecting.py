"""Collected images at the real service: captured, scored, and each once."""

from __future__ import annotations

from pathlib import Path

import pytest

from assay import collecting
from assay.collecting import CollectSettings, Ending
from assay.reports import collection as report
from tests.bento.servers import Server
from tests.platforms import NETWORKS, TOKEN, MastodonPlatform, Time


def test_collected_images_are_captures_and_each_is_one(
    open_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    time = Time()
    platform = MastodonPlatform(time)
    monkeypatch.setenv(platform.variable, TOKEN)
    with platform.running():
        platform.publish(6)
        outbound = {"allowed_networks": NETWORKS, "ports": [platform.port]}
        settings = CollectSettings.model_validate(
            {
                "collectors": {"floods": {"collector": "mastodon", "options": platform.options()}},
                "service": open_server.url,
                "api": outbound,
                "downloads": {"outbound": outbound, "pause_seconds": 0, "workers": 1},
            }
        )
        first = collecting.collect(settings, tmp_path, clock=time.clock)
        (tmp_path / collecting.running.LEDGER).unlink()  # as if all of it had been forgotten
        second = collecting.collect(settings, tmp_path, clock=time.clock)
    assert [one.gathered[0].ending for one in (first, second)] == [Ending.COMPLETE] * 2
    published = len(platform.published())
    assert first.gathered[0].handed_in == second.gathered[0].handed_in == published
    with open_server.store() as store:
        names = [f"mastodon:{post.id}" for post in platform.posts if post.images]
        captured = [c for c in store.captures.page(limit=100) if c.external_id in names]
    assert len(captured) == published
    assert all(capture.post_url and "flood" in capture.caption for capture in captured)
    assert str(first.model) in report.page(first).html
