import numpy as np
import pytest

from assay.records import Finding, Label, Measurement
from assay.teachers import offline


def corner_mask(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros((90, 90), dtype=bool)
    mask[rows, columns] = True
    return mask


@pytest.mark.parametrize(
    ("rows", "columns", "words"),
    [
        (slice(0, 20), slice(0, 20), "upper left part"),
        (slice(70, 90), slice(35, 55), "lower centre part"),
        (slice(35, 55), slice(35, 55), "middle of the image"),
        (slice(0, 90), slice(0, 90), "whole image"),
    ],
)
def test_region_words_names_where_the_mask_lies(rows: slice, columns: slice, words: str) -> None:
    assert offline.region_words(corner_mask(rows, columns)) == words


def test_rationale_names_the_edit_and_its_place() -> None:
    mask = corner_mask(slice(0, 20), slice(70, 90))
    text = offline.write_rationale(Label.MANIPULATED, "splice", mask, [])
    assert text.startswith("The upper right part was pasted in from another photograph.")


def test_rationale_cites_only_findings_that_are_rare_among_authentic_images() -> None:
    findings = [Finding(Measurement("noise"), 0.03, ""), Finding(Measurement("grid"), 0.6, "")]
    text = offline.write_rationale(Label.MANIPULATED, "splice", None, findings)
    assert "noise is strong (2-5% of authentic images)" in text
    assert "grid" not in text


def test_rationale_of_an_unknown_edit_claims_no_particular_one() -> None:
    text = offline.write_rationale(Label.MANIPULATED, "liquify", None, [])
    assert text.startswith("The image was altered.")


def test_rationale_of_an_authentic_image_mentions_no_edit() -> None:
    text = offline.write_rationale(Label.AUTHENTIC, "", None, [])
    assert text.startswith("No manipulation was found.")
    assert "None of the measured evidence is unusual" in text
