"""Pages: nothing is loaded from elsewhere, and no stranger's text is interpreted."""

from __future__ import annotations

import base64

import jinja2
import numpy as np
import pytest

from assay.metrics import Metric
from assay.reports import interval, page, pictures


@pytest.fixture
def templates(tmp_path, monkeypatch):
    """A folder of templates for one test, read by an environment of its own."""
    (tmp_path / "base.html").write_text((page.TEMPLATES / "base.html").read_text())
    monkeypatch.setattr(page, "TEMPLATES", tmp_path)
    page._environment.cache_clear()
    yield tmp_path
    page._environment.cache_clear()


def test_page_escapes_what_a_stranger_wrote(templates):
    (templates / "a.html").write_text(
        '{% extends "base.html" %}{% block content %}<p>{{ caption }}</p>{% endblock %}'
    )
    html = page.render("a.html", "<i>", caption="<script>alert(1)</script>").html
    assert "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>" in html
    assert "<title>&lt;i&gt;</title>" in html
    assert "<script>" not in html


def test_page_names_a_value_that_is_missing(templates):
    (templates / "a.html").write_text("{{ absent }}")
    with pytest.raises(jinja2.UndefinedError, match="absent"):
        page.render("a.html", "a")


@pytest.mark.parametrize("name", sorted(file.name for file in page.TEMPLATES.glob("*.html")))
def test_no_template_loads_anything_from_elsewhere(name):
    text = (page.TEMPLATES / name).read_text()
    assert not [word for word in ("http:", "https:", "<script", "<link", "@import") if word in text]


def test_thumbnail_is_small_and_keeps_its_proportions():
    picture = decoded(pictures.thumbnail(np.zeros((400, 800, 3), np.uint8), side=64))
    assert picture.shape == (32, 64, 3)


def test_thumbnail_outlines_the_mask():
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    picture = decoded(pictures.thumbnail(np.zeros((64, 64, 3), np.uint8), 64, mask))
    assert picture[16, 32].max() > 128
    assert picture[32, 32].max() < 32


@pytest.mark.parametrize("name", ["$\\frac{$", "a$b$c"])
def test_figures_take_no_name_for_a_formula(name):
    axes = (figure := pictures.figure(2, 1)).subplots()
    axes.text(0.5, 0.5, name)
    axes.barh([name], [1])
    drawn = base64.b64decode(pictures.svg(figure).partition("base64,")[2]).decode()
    assert drawn.count(f"<!-- {name} -->") == 2


def test_figures_are_the_same_bytes_each_time():
    def drawn():
        figure = pictures.figure(2, 1)
        figure.subplots().plot([0, 1], [0, 1])
        return pictures.svg(figure)

    assert drawn().startswith("data:image/svg+xml;base64,")
    assert drawn() == drawn()


def test_interval_of_a_difference_shows_signs():
    assert interval(Metric(0.5, 0.25, 0.75, 9)) == "0.500 (0.250-0.750)"
    assert interval(Metric(0.1, -0.1, 0.2, 9), "+") == "+0.100 (-0.100 to +0.200)"
    assert interval(None) == "-"


def decoded(uri):
    import cv2

    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.imdecode(data, cv2.IMREAD_COLOR)
