"""What is expected of a dataset: each expectation in words that people read.

Every entry names the expectation of Great Expectations that judges it and the remedy; a new one is
a new entry. Its column is one of the profile (`assay.image_profile`) or a fact that
`assay.expectation_results` adds to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from pydantic import Field, model_validator

from assay.image_profile import COLUMNS
from assay.records import Label, Split
from assay.settings import Settings

LEAKS = ("groups stay in one split", "pixel-equal images stay in one split")
"""Names of the expectations about leakage."""
CONFLICTS = "few images are in conflict"
"""Name of the expectation about pixel-equal images with two labels."""
REJECTIONS = "few rows are rejected"
"""Name of the expectation whose offending rows have each a reason of its own."""


class ExpectationSettings(Settings):
    """The limits of the suite; shares are of all rows unless said otherwise."""

    max_rejected_share: float = Field(0.1, ge=0, le=1)
    """Of the rows of the source that may have been left out as faulty."""
    max_conflict_share: float = Field(0.1, ge=0, le=1)
    """Of the readable images: those that were left out as another with their pixels has another
    label. More say that the labels were joined to the wrong images."""
    min_label_share: float = Field(0.05, ge=0, le=0.5)
    """The least that either side of the verdict, authentic or not, must make up."""
    min_side: int = Field(32, ge=1)
    """Pixels of the shorter side of an image."""
    max_side: int = Field(20_000, ge=1)
    """Pixels of the longer side of an image."""
    min_mask_share: float = Field(1e-5, ge=0, le=1)
    """Of an image that its mask marks; a mask that marks nothing contradicts its label."""
    max_mask_share: float = Field(1.0, ge=0, le=1)
    """The same, at most; edits of the whole image mark all of it."""
    max_duplicate_share: float = Field(0.2, ge=0, le=1)
    """Of images that are pixel-equal to an earlier one."""
    min_licensed_share: float = Field(0.0, ge=0, le=1)
    """Of images whose licence is stated; any missing licence is reported. 0 asks for none."""

    @model_validator(mode="after")
    def _leave_room(self) -> Self:
        for low, high in (("min_side", "max_side"), ("min_mask_share", "max_mask_share")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low} is above {high}, so no image would do; change one of them")
        return self


class Severity(StrEnum):
    """What follows from an expectation that fails."""

    CRITICAL = "critical"
    """The run stops."""
    WARNING = "warning"
    """It is reported."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One entry of the suite."""

    name: str
    kind: str
    """The class of Great Expectations that judges it."""
    arguments: Mapping[str, Any]
    wanted: str
    """The limit in words."""
    remedy: str
    severity: Severity = Severity.CRITICAL
    marks: str = ""
    """Of an expectation about all rows together: the column that marks the offending ones."""
    unmarked: bool = False
    """Whether the offending rows are those that ``marks`` does not mark."""
    together: str = "image_id"
    """The column by which offending rows are listed, so that those that clash stand together."""


def suite(settings: ExpectationSettings) -> tuple[Expectation, ...]:
    """Every expectation about rows."""
    parts = _of_labels, _of_licences, _of_images, _of_copies
    return tuple(expectation for part in parts for expectation in part(settings))


def of_columns() -> tuple[Expectation, ...]:
    """The expectations about columns, which those about rows need."""
    return (
        Expectation(
            "columns are complete",
            "ExpectTableColumnsToMatchSet",
            {"column_set": list(COLUMNS), "exact_match": True},
            f"exactly the {len(COLUMNS)} known columns",
            "build the dataset again with this version",
        ),
        Expectation(
            "licence column is there",
            "ExpectColumnToExist",
            {"column": "licence"},
            "a column 'licence'",
            "build the dataset again with this version",
        ),
    )


def _of_labels(settings: ExpectationSettings) -> tuple[Expectation, ...]:
    least = settings.min_label_share
    return (
        Expectation(
            "image ids are unique",
            "ExpectColumnValuesToBeUnique",
            {"column": "stored_id"},
            "no image_id twice",
            "rename one of the images",
        ),
        Expectation(
            "labels are known",
            "ExpectColumnValuesToBeInSet",
            {"column": "label", "value_set": [label.value for label in Label]},
            "one of " + ", ".join(Label),
            "correct the label",
        ),
        Expectation(
            "splits are known",
            "ExpectColumnValuesToBeInSet",
            {"column": "split", "value_set": [split.value for split in Split]},
            "one of " + ", ".join(Split),
            "correct the split",
        ),
        Expectation(
            "labels are balanced",
            "ExpectColumnMeanToBeBetween",
            {"column": "is_authentic", "min_value": least, "max_value": 1 - least},
            f"{least:.1%} to {1 - least:.1%} authentic",
            "add images of the rarer side, or lower validation.min_label_share",
        ),
        Expectation(
            REJECTIONS,
            "ExpectColumnMeanToBeBetween",
            {"column": "is_rejected", "max_value": settings.max_rejected_share},
            f"at most {settings.max_rejected_share:.1%} of the source's rows",
            "correct these rows, or raise validation.max_rejected_share",
            marks="is_rejected",
        ),
    )


def _of_licences(settings: ExpectationSettings) -> tuple[Expectation, ...]:
    every = Expectation(
        "every image states its licence",
        "ExpectColumnValuesToBeInSet",
        {"column": "is_licensed", "value_set": [1.0]},
        "a licence in each row",
        "state the licence in the manifest",
        Severity.WARNING,
    )
    enough = Expectation(
        "enough images state their licence",
        "ExpectColumnMeanToBeBetween",
        {"column": "is_licensed", "min_value": settings.min_licensed_share},
        f"at least {settings.min_licensed_share:.1%}",
        "state the licences, or lower validation.min_licensed_share",
        marks="is_licensed",
        unmarked=True,
    )
    return (enough, every) if settings.min_licensed_share else (every,)


def _of_images(settings: ExpectationSettings) -> tuple[Expectation, ...]:
    lowest, highest = settings.min_mask_share, settings.max_mask_share
    return (
        Expectation(
            "images can be decoded",
            "ExpectColumnValuesToBeNull",
            {"column": "error"},
            "no damaged image or mask",
            "build the dataset again",
        ),
        Expectation(
            "images are large enough",
            "ExpectColumnValuesToBeBetween",
            {"column": "short_side", "min_value": settings.min_side},
            f"sides of at least {settings.min_side} pixels",
            "leave them out, or lower validation.min_side",
        ),
        Expectation(
            "images are not too large",
            "ExpectColumnValuesToBeBetween",
            {"column": "long_side", "max_value": settings.max_side},
            f"sides of at most {settings.max_side} pixels",
            "scale them down, or raise validation.max_side",
        ),
        Expectation(
            "masks are as large as their images",
            "ExpectColumnPairValuesToBeEqual",
            {
                "column_A": "size",
                "column_B": "mask_size",
                "ignore_row_if": "either_value_is_missing",
            },
            "equal width and height",
            "supply a mask of the image's size",
        ),
        Expectation(
            "masks mark a plausible share",
            "ExpectColumnValuesToBeBetween",
            {"column": "mask_share", "min_value": lowest, "max_value": highest},
            f"{lowest:.3%} to {highest:.1%} of the image",
            "correct the mask, or change validation.min_mask_share or max_mask_share",
        ),
        Expectation(
            "authentic images have no mask",
            "ExpectColumnValuesToBeNull",
            {"column": "authentic_mask"},
            "masks on altered images only",
            "correct the label or drop the mask",
        ),
    )


def _of_copies(settings: ExpectationSettings) -> tuple[Expectation, ...]:
    return (
        Expectation(
            CONFLICTS,
            "ExpectColumnMeanToBeBetween",
            {"column": "is_conflict", "max_value": settings.max_conflict_share},
            f"at most {settings.max_conflict_share:.1%} pixel-equal to one with another label",
            "let people decide (python -m assay datasets conflicts), correct the labels, or raise "
            "validation.max_conflict_share",
            marks="is_conflict",
        ),
        Expectation(
            LEAKS[0],
            "ExpectColumnValuesToBeBetween",
            {"column": "splits_of_group", "max_value": 1},
            "one split a group",
            "give all rows of a group one split",
            together="group",
        ),
        Expectation(
            LEAKS[1],
            "ExpectColumnValuesToBeBetween",
            {"column": "splits_of_pixels", "max_value": 1},
            "one split for equal pixels",
            "give all copies one group and one split",
            together="digest",
        ),
        Expectation(
            "pixel-equal images have one label",
            "ExpectColumnValuesToBeBetween",
            {"column": "labels_of_pixels", "max_value": 1},
            "one label for equal pixels",
            "decide on one label and drop the copies",
            together="digest",
        ),
        Expectation(
            "few images are copies",
            "ExpectColumnMeanToBeBetween",
            {"column": "is_copy", "max_value": settings.max_duplicate_share},
            f"at most {settings.max_duplicate_share:.1%} pixel-equal to an earlier one",
            "drop the copies, or raise validation.max_duplicate_share",
            marks="is_copy",
            together="digest",
        ),
    )
