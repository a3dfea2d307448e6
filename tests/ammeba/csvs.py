"""AMMeBa's csv files with its real columns, written for tests."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

STAGE_2 = [
    "Unnamed: 0",
    "fact_check_url",
    "misinfo_source",
    "image_id",
    "submission_time",
    "disqualified",
    "disqualification_reason",
    "image_type",
    "screenshot_type",
    "image_watermark",
    "image_annotation",
    "image_text",
    "image_text_misinfo_relevance",
    "content_manipulation",
    "text_manipulation",
    "chyron_manipulation",
    "ai_manipulation",
    "context_manipulation",
    "premanipulation_image",
    "premanipulation_image_id",
    "self_miscontextualizing",
    "circumstance_manipulation",
    "identity_manipulation",
    "location_manipulation",
    "datetime_manipulation",
    "atypical_manipulation",
    "reverse_image_search",
    "image_of_screen",
    "fake_official_document",
]
IMAGE_METADATA = [
    "image_id",
    "mime",
    "height",
    "width",
    "image_size_bytes",
    "num_faces",
    "total_face_area",
    "has_text",
    "url",
    "average_hash",
    "phash",
    "colorhash",
]
FACT_CHECKS = ["fact_check_url", "review_date", "fact_check_title"]

Row = Mapping[str, object]


def table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """A csv; a row's missing cells are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def written(
    folder: Path, rows: Sequence[Row], images: Sequence[Row], articles: Sequence[Row]
) -> Path:
    """The three files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    numbered = [{"Unnamed: 0": number, **row} for number, row in enumerate(rows)]
    (folder / "stage_2.csv").write_text(table(STAGE_2, numbered))
    (folder / "image_metadata.csv").write_text(table(IMAGE_METADATA, images))
    (folder / "fact_checks.csv").write_text(table(FACT_CHECKS, articles))
    return folder


def example(folder: Path) -> Path:
    """Two images: one in two fact-checks, one disqualified in the only one that has it."""
    rows: list[Row] = [
        {"image_id": "aa", "fact_check_url": "https://f.example/1", "content_manipulation": "True"},
        {
            "image_id": "aa",
            "fact_check_url": "https://f.example/2",
            "submission_time": "2023.02.23 12:59:21",
            "disqualified": False,
            "content_manipulation": "false",
            "context_manipulation": "true",
            "premanipulation_image_id": "bb",
        },
        {"image_id": "bb", "fact_check_url": "https://f.example/1", "disqualified": True},
    ]
    images: list[Row] = [
        {"image_id": "aa", "url": "https://i.example/a.jpg", "phash": "FF00FF00FF00FF00"},
        {"image_id": "bb", "width": "640.0", "height": "NaN", "average_hash": "nan"},
    ]
    articles: list[Row] = [
        {"fact_check_url": "https://f.example/1", "review_date": "2020-01-02"},
        {
            "fact_check_url": "https://f.example/2",
            "review_date": "2021-01-02",
            "fact_check_title": 'No, "this"\nis not',
        },
        {"fact_check_url": "https://f.example/2", "review_date": "2020-12-31"},
    ]
    return written(folder, rows, images, articles)
