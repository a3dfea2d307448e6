"""The page about one image shows each finding with its numbers, at any size, and trusts no text."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from assay import images, ledger, null_rates
from assay.evidence import Role, examiners
from assay.evidence.repeated_regions import RepeatedRegions
from assay.localisation import fused_heatmap
from assay.records import (
    Finding,
    Hypothesis,
    Label,
    Link,
    Measurement,
    Photo,
    Region,
    Verdict,
)
from assay.reports import evidence
from tests.scenes import scene

HOSTILE = "<script>alert(1)</script>"
RARE, COMMON = 0.02, 0.6
COUNTED, OTHER = "repeated_regions", "manipulation_expert"
SHOWN = next(name for name, one in examiners().items() if one.role is Role.SHOWN)


def photo(height: int = 96, width: int = 128) -> Photo:
    return Photo(b"", scene(0, height, width), "PNG")


def finding(name: str = COUNTED, rate: float | None = RARE, **fields) -> Finding:
    measured = Measurement(name, **({"value": 0.75} | fields))
    return Finding(measured, rate, f"{name} was measured.", f"title of {name}", Hypothesis.PASTED)


def hot(*, rate: float = RARE, peak: float = 1.0) -> Finding:
    heatmap = np.zeros((4, 4), np.float32)
    heatmap[1, 2] = peak
    return finding(rate=rate, heatmap=heatmap, regions=(Region(0.5, 0.25, 0.75, 0.5),))


def verdict(*findings: Finding, **fields) -> Verdict:
    made = {
        "label": Label.MANIPULATED,
        "score": 0.9,
        "probabilities": dict(zip(Label, (0.1, 0.7, 0.2), strict=True)),
        "needs_review": False,
        "findings": findings,
    }
    return Verdict(**(made | fields))


def page(*findings: Finding, **fields) -> str:
    return evidence.page(photo(), verdict(*findings, **fields)).html


def drawings(html: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(one) for one in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def shapes(one: ElementTree.Element, kind: str, name: str) -> list[ElementTree.Element]:
    return [shape for shape in one.iter(kind) if name in shape.get("class", "").split()]


def test_unusual_findings_are_boxed_named_and_numbered():
    html = page(hot(), finding(SHOWN, 0.05, regions=(Region(0, 0, 1, 0.5),) * 2))
    first = drawings(html)[0]
    assert [text.text for text in first.iter("text")] == [
        "1 title of repeated_regions",
        f"2 title of {SHOWN}",
        "2",
    ]
    assert len(shapes(first, "rect", "box")) == 3
    assert len(shapes(first, "rect", "dashed")) == 2  # shown, but not counted
    assert "1 title of repeated_regions (2.0 % of authentic images" in first.get("aria-label")


def test_ordinary_findings_point_at_nothing():
    html = page(common := hot(rate=COMMON))
    assert not shapes(drawings(html)[0], "rect", "box")
    assert "No unusual finding points at a part." in html
    heatmap = fused_heatmap([common])
    assert heatmap is not None
    assert f"Suspicion is at most {heatmap.max():.2f}" in html


def test_the_heatmap_is_drawn_over_the_image():
    plain, heated = (drawings(page(*found))[0] for found in ((), (hot(),)))
    assert plain.find("image").get("href") != heated.find("image").get("href")
    assert "has a heatmap" in page()


def test_every_link_is_drawn_from_source_to_copy():
    links = tuple(Link(0.1, 0.2, 0.1 + n / 20, 0.8) for n in range(7))
    html = page(finding(links=links))
    _, linked, *_ = drawings(html)
    assert len(shapes(linked, "line", "link")) == 7
    assert len(shapes(linked, "circle", "ring")) == len(shapes(linked, "circle", "dot")) == 7
    assert "7 links" in linked.get("aria-label")
    source = shapes(linked, "circle", "ring")[0]
    assert float(source.get("cx")) == pytest.approx(48, abs=0.1)  # a tenth of 480 units


def test_links_of_a_real_copy_are_shown():
    copied, _ = RepeatedRegions.example()
    found = RepeatedRegions().examine(copied)
    (made,) = ledger.findings([found], null_rates.NullRates.fit({found.id: [0.0] * 99}))
    html = evidence.page(copied, verdict(made)).html
    assert len(shapes(drawings(html)[1], "line", "link")) == len(found.links) > 3
    assert "Repeated regions measures" in html


def test_table_holds_value_null_rate_and_what_it_suggests():
    html = page(hot(), finding(OTHER, COMMON, value=-12.3456))
    rows = re.findall(r"<tr><td>(.*?)</td></tr>", html)
    cells = [re.split(r"</td><td[^>]*>", row) for row in rows if row.startswith("title")]
    assert cells[0] == [
        "title of repeated_regions",
        "0.75",
        "2.0 %",
        "a part from another photograph",
        "in the verdict",
        "repeated_regions was measured.",
    ]
    assert cells[1][1:4] == ["-12.3", "60 %", ""]  # an ordinary value suggests nothing


def test_not_applicable_is_said_and_no_number_made_up():
    html = page(finding(rate=None, value=None, not_applicable="a flat picture"))
    assert '<td>title of repeated_regions</td><td class="number"></td>' in html
    assert "nan" not in re.sub(r"base64,[^\"]*", "", html)


def test_facts_stand_word_for_word_and_escaped():
    facts = (("EXIF Software", HOSTILE), (HOSTILE, "a & b"))
    stated = Finding(Measurement("provenance", facts=facts), None, "The file states it.")
    html = evidence.page(photo(), verdict(stated, rationale=HOSTILE), HOSTILE).html
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 4
    assert "a &amp; b" in html


def test_what_was_measured_is_not_taken_for_what_the_file_states():
    measured = finding(SHOWN, facts=(("estimated quality", "92"),))
    html = page(measured)
    assert "was measured. (estimated quality: 92)" in html
    assert "Nothing about its origin" in html


def test_verdict_score_band_and_reasons_are_told():
    html = page(needs_review=True, rationale="Measured: nothing.", claims=4, grounded_claims=3)
    assert '<span class="label manipulated">manipulated</span>' in html
    assert "<b>0.900</b>" in html
    assert "handed to people" in html
    assert "Measured: nothing." in html
    assert "(75 %)" in html
    assert "handed to people" not in page()
    assert "Reasons" not in page()


def test_views_say_that_they_enter_no_verdict():
    html = page()
    _, residual, error_level = drawings(html)
    assert "Residual" in residual.get("aria-label")
    assert re.search(r"quality 90 changes, amplified \d+ times", error_level.get("aria-label"))
    assert "They enter no verdict." in html


@pytest.mark.parametrize(
    ("height", "width"), [(64, 64), (64, 900), (900, 64), (1, 1), (3, 70_000), (2400, 8000)]
)
def test_page_of_any_size_stays_small(height, width):
    tile = scene(1, 64, 64)
    repeats = (-(-height // 64), -(-width // 64), 1)
    pixels = np.tile(tile, repeats)[:height, :width]
    made = evidence.page(Photo(b"", pixels, "PNG"), verdict(hot())).html
    assert len(made) < 1_000_000
    assert all(one.find("image").get("href") for one in drawings(made))


def test_grey_and_flat_images_have_a_page():
    for pixels in (scene(0, 80, 80, grey=True), np.full((80, 80, 3), 255, np.uint8)):
        assert "Residual" in evidence.page(Photo(b"", pixels, "PNG"), verdict()).html


def test_strongest_counts_in_the_verdict_and_is_the_rarest():
    rare, common = finding(rate=RARE), finding(OTHER, COMMON)
    shown = finding(SHOWN, 0.001)
    unmeasured = finding(rate=None, value=None)
    assert evidence.strongest([unmeasured, common, shown, rare]) is rare
    assert evidence.strongest([unmeasured, shown]) is None


def test_pointed_outlines_the_mask_and_reduces_the_picture():
    mask = np.zeros((96, 128), np.bool_)
    mask[20:60, 30:90] = True
    plain, outlined = (evidence.pointed(photo(), [], 64, mask=m) for m in (None, mask))
    assert plain.drawing.uri != outlined.drawing.uri
    assert max(shown_size(plain)) == 64


def shown_size(seen: evidence.Seen) -> tuple[int, int]:
    import base64

    return images.decode(base64.b64decode(seen.drawing.uri.partition(",")[2])).size
