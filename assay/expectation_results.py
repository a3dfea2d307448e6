"""A dataset's profile, held to the suite by Great Expectations.

The library judges a table with a few columns more than the profile: facts that compare rows, such
as how many labels pixel-equal images have. What it answers becomes a plain value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.conflicts import KIND as CONFLICT
from assay.expectations import Expectation, ExpectationSettings, Severity, of_columns, suite
from assay.image_profile import COLUMNS
from assay.records import Label

if TYPE_CHECKING:
    import pandas as pd

EXAMPLES = 5
"""Offending rows that are named."""


@dataclass(frozen=True, slots=True)
class Expected:
    """An expectation and what was observed."""

    name: str
    kind: str
    """The type of the expectation in Great Expectations, as ``expect_column_...``."""
    severity: Severity
    passed: bool
    wanted: str
    observed: str
    offending: int
    """Offending rows."""
    first: tuple[str, ...]
    """Image ids of the first `EXAMPLES` of them."""
    remedy: str


def expect(
    profile: pd.DataFrame, settings: ExpectationSettings
) -> tuple[tuple[Expected, ...], bool]:
    """Hold a profile (`assay.image_profile.profile`) to the suite; and whether it is complete.

    Where columns are missing, only the expectations about columns are judged.
    """
    columns = _judged(profile, of_columns())
    if set(profile.columns) != set(COLUMNS):
        return columns, False
    return columns + _judged(_with_facts(profile), suite(settings)), True


def _with_facts(profile: pd.DataFrame) -> pd.DataFrame:
    """The profile with the columns that expectations need beside it; missing on rejected rows."""
    stored = profile["rejected"].isna()
    rows = profile[stored]
    authentic = rows["label"] == Label.AUTHENTIC.value
    sides = rows[["width", "height"]]
    pixels, pictured = rows.groupby("digest"), rows["digest"].notna()
    facts = {
        "stored_id": rows["image_id"],
        "is_authentic": authentic.astype(float),
        "is_licensed": _states_licence(rows["licence"]).astype(float),
        "short_side": sides.min(axis=1),
        "long_side": sides.max(axis=1),
        "size": _size(rows, "width", "height"),
        "mask_size": _size(rows, "mask_width", "mask_height"),
        "authentic_mask": rows["mask_share"].where(authentic & rows["has_mask"].astype(bool)),
        "splits_of_group": rows.groupby("group")["split"].transform("nunique"),
        "splits_of_pixels": pixels["split"].transform("nunique"),
        "labels_of_pixels": pixels["label"].transform("nunique"),
        "is_copy": (rows["digest"].duplicated() & pictured).astype(float),
    }
    in_conflict = profile["rejected"].map(_names_conflict).astype(bool)
    facts["is_conflict"] = in_conflict.astype(float).where(stored | in_conflict)
    return profile.assign(is_rejected=(~stored).astype(float), **facts)


def _names_conflict(reason: object) -> bool:
    return isinstance(reason, str) and reason.startswith(f"{CONFLICT}: ")


def _states_licence(licences: pd.Series[Any]) -> pd.Series[Any]:
    """Whether each names its terms; ``Not stated by ...`` says who was asked, and no terms."""
    words = licences.fillna("").str.strip().str.lower()
    return (words != "") & ~words.str.startswith("not stated")


def _size(rows: pd.DataFrame, width: str, height: str) -> pd.Series[Any]:
    known = rows[width].notna()
    texts = rows.loc[known, [width, height]].astype(int).astype(str)
    return texts.agg("x".join, axis=1) if known.any() else rows["image_id"].where(known)


def _judged(table: pd.DataFrame, expectations: tuple[Expectation, ...]) -> tuple[Expected, ...]:
    """One result an expectation, in order."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    quiet = DataContextConfig(
        analytics_enabled=False,
        progress_bars=ProgressBarsConfig(globally=False),
        store_backend_defaults=InMemoryStoreBackendDefaults(),
    )
    context = gx.get_context(mode="ephemeral", project_config=quiet)
    data = context.data_sources.add_pandas("profile").add_dataframe_asset("rows")
    batch = data.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": table})
    answers = batch.validate(_as_suite(expectations), result_format="COMPLETE")
    by_name = {answer.expectation_config.meta["name"]: answer for answer in answers.results}
    return tuple(_expected(entry, by_name[entry.name], table) for entry in expectations)


def _as_suite(expectations: tuple[Expectation, ...]) -> Any:
    import great_expectations as gx

    made = [
        getattr(gx.expectations, entry.kind)(
            **entry.arguments, severity=entry.severity.value, meta={"name": entry.name}
        )
        for entry in expectations
    ]
    return gx.ExpectationSuite(name="fit to train on", expectations=made)


def _expected(entry: Expectation, answer: Any, table: pd.DataFrame) -> Expected:
    if answer.exception_info.get("raised_exception"):
        raise RuntimeError(f"{entry.name}: {answer.exception_info['exception_message']}")
    offending = _offending(entry, answer, table)
    return Expected(
        name=entry.name,
        kind=str(answer.expectation_config.type),
        severity=entry.severity,
        passed=bool(answer.success),
        wanted=entry.wanted,
        observed=_observed(answer, len(offending)),
        offending=len(offending),
        first=tuple(table.loc[offending[:EXAMPLES], "image_id"].astype(str)),
        remedy=entry.remedy,
    )


def _offending(entry: Expectation, answer: Any, table: pd.DataFrame) -> list[int]:
    """Positions of the offending rows; those that clash with one another stand together."""
    rows = list(answer.result.get("unexpected_index_list") or [])
    if entry.marks:
        rows = table.index[table[entry.marks] == (0.0 if entry.unmarked else 1.0)].tolist()
    if not rows:
        return []
    clashing = table.loc[rows, entry.together].sort_values(kind="stable")
    return [int(row) for row in clashing.index]


def _observed(answer: Any, offending: int) -> str:
    value = answer.result.get("observed_value")
    if isinstance(value, list):
        missing = sorted(set(COLUMNS) - set(value))
        return f"{len(value)} columns" + (f", without {', '.join(missing)}" if missing else "")
    if value is not None:
        return f"{float(value):.1%}"
    if "element_count" not in answer.result:
        return "there" if answer.success else "absent"
    return "all rows" if answer.success else f"{offending} row{'' if offending == 1 else 's'} not"
