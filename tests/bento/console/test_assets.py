"""Static files: those of the package, kept by browsers until one changes."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from bento.console import assets


@pytest.mark.parametrize("name", assets.assets())
def test_every_asset_is_there_for_good(stranger: TestClient, name: str):
    answer = stranger.get(assets.static_url(name))
    assert answer.content == (assets.STATIC / name).read_bytes()
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_an_old_page_gets_the_present_file_and_asks_again(stranger: TestClient):
    answer = stranger.get("/static/000000000000/app.js")
    assert answer.headers["cache-control"] == "no-cache"
    known = {"If-None-Match": answer.headers["etag"]}
    assert stranger.get("/static/000000000000/app.js", headers=known).status_code == 304


@pytest.mark.parametrize(
    "name",
    ["%2e%2e/pages.py", "..%2fpages.py", "vendor/VENDORED.md", "/etc/passwd", ""],
)
def test_nothing_else_is_served(stranger: TestClient, name: str):
    assert stranger.get(f"/static/{assets.version()}/{name}").status_code == 404


def test_an_unknown_asset_is_an_error_where_it_is_named():
    with pytest.raises(KeyError, match="no file"):
        assets.static_url("nowhere.css")
