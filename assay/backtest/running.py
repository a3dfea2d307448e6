"""A backtest from the store to its numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from assay.backtest import deciding, estimates, intervals, replay, turns
from assay.backtest.deciding import Contender
from assay.backtest.records import Backtest
from assay.backtest.replay import hears_the_model
from assay.backtest.settings import BacktestSettings
from assay.calibration import Calibration
from assay.errors import DataError
from assay.fusion import Fusion
from assay.metrics import Metric
from assay.model_folder import CALIBRATION_FILE, FUSION_FILE, version_of
from assay.policy import Policy, Rules
from assay.progress import Progress, silent
from assay.spans import Span
from assay.store import Store

if TYPE_CHECKING:
    import pandas as pd

_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be decided again, by what."""

    captures: str
    """A span of traffic, as `assay.spans` writes it."""
    model: Path
    """A model folder."""
    policy_file: str = ""
    """Empty for what the model was calibrated to."""
    settings: BacktestSettings = field(default_factory=BacktestSettings)

    @property
    def policy(self) -> Policy:
        """The policy of the file; raises `ConfigError`."""
        return Policy.read(Path(self.policy_file)) if self.policy_file else Policy()


def run(
    store: Store, asked: Asked, folder: Path, progress: Progress = silent
) -> tuple[Backtest, pd.DataFrame]:
    """What was served, decided again; also the rows of `deciding.decided`.

    ``folder`` keeps what the model said of images that another one had answered. Raises `DataError`
    for a span without captures, and as `replay.rescore`.
    """
    span = Span.parse(asked.captures, store.database.now())
    served = list(store.answers.between(span.since, span.until))
    contender = contender_of(asked.model, asked.policy)
    wanted = deciding.needs_scores(served, contender.version)
    image_of, workers = store.captures.image, asked.settings.workers
    scores = replay.rescore(asked.model, wanted, image_of, folder, workers, progress)
    table, left_out = deciding.decided(served, contender, scores)
    if table.empty:
        raise DataError(_nothing(asked.captures, left_out))
    return _summed(asked, contender, table, left_out, len(scores)), table


def contender_of(model: Path, policy: Policy) -> Contender:
    """The model of a folder under a policy; raises `CheckpointMismatch` for no model folder."""
    fusion = model / FUSION_FILE
    return Contender(
        version_of(model),
        Rules.of(Calibration.load(model / CALIBRATION_FILE), policy),
        hears_the_model(Fusion.load(fusion) if fusion.exists() else None),
    )


def _summed(
    asked: Asked,
    contender: Contender,
    table: pd.DataFrame,
    left_out: dict[str, int],
    replayed: int,
) -> Backtest:
    calibration, days = contender.rules.calibration, _days(table)
    return Backtest(
        span=asked.captures,
        since=table["created_at"].min().to_pydatetime(),
        until=table["created_at"].max().to_pydatetime(),
        days=days,
        captures=len(table),
        images=int(table["image"].nunique()),
        replayed=replayed,
        left_out=left_out,
        old_models={str(name): n for name, n in table["model_version"].value_counts().items()},
        model_version=contender.version,
        policy_name=Path(asked.policy_file).name,
        policy=contender.rules.policy,
        threshold=calibration.threshold,
        band=(calibration.review_low, calibration.review_high),
        estimates=estimates.estimates(table, days),
        seconds_per_case=_seconds(table, asked.settings),
        is_measured=asked.settings.seconds_per_case is None,
        coverage=estimates.coverage(table),
        turns=turns.turns(table, asked.settings.examples),
        slices=turns.slices(table, days),
    )


def hours(found: Backtest) -> tuple[Metric | None, Metric | None, Metric | None]:
    """Hours of review a day: old, new and the change; None where no case was ever timed."""
    if found.seconds_per_case is None:
        return None, None, None
    factor = found.seconds_per_case.value / 3600
    cases = found.estimate(estimates.REVIEWS)
    old, new, change = (
        None if each is None else intervals.scaled(each, factor)
        for each in (cases.old, cases.new, cases.change)
    )
    return old, new, change


def _seconds(table: pd.DataFrame, settings: BacktestSettings) -> Metric | None:
    given = settings.seconds_per_case
    if given is not None:
        return Metric(given, given, given, 0)
    return estimates.seconds_per_case(table)


def _days(table: pd.DataFrame) -> float:
    """From the first to the last capture; at least one, as an hour says little about a day."""
    length = table["created_at"].max() - table["created_at"].min()
    return max(1.0, float(length.total_seconds()) / _DAY)


def _nothing(captures: str, left_out: dict[str, int]) -> str:
    reasons = "; ".join(f"{count} left out: {reason}" for reason, count in left_out.items())
    why = f" ({reasons})" if reasons else ""
    return f"no captures to decide again in {captures!r}{why}; serve images, or widen the span"
