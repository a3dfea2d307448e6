from __future__ import annotations

from pathlib import Path

from assay.ammeba.known import known_images
from tests.ammeba import csvs


def test_known_image_comes_once_for_each_fact_check(tmp_path: Path):
    found = [
        (k.image_id, k.fact_check_url, k.review_date) for k in known_images(csvs.example(tmp_path))
    ]
    assert found == [
        ("aa", "https://f.example/1", "2020-01-02"),
        ("aa", "https://f.example/2", "2020-12-31"),
    ]


def test_known_image_has_hash_title_and_flags(tmp_path: Path):
    _, second = known_images(csvs.example(tmp_path))
    assert second.phash == "ff00ff00ff00ff00"
    assert second.fact_check_title == 'No, "this" is not'
    assert second.flags["context_manipulation"]
