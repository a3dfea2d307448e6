"""What a backtest found, as it is stored and drawn."""

from __future__ import annotations

from datetime import datetime

from assay.metrics import Metric
from assay.policy import Policy
from assay.settings import Settings


class Compared(Settings):
    """One number a day under what was served and under what is tried; None where nobody knows."""

    name: str
    old: Metric | None
    new: Metric | None
    change: Metric | None
    """New minus old."""


class Slice(Settings):
    """The same for a part of the traffic."""

    by: str
    """``client`` or ``stratum``."""
    name: str
    captures: int
    notices: Compared
    reviews: Compared


class Example(Settings):
    """One capture that is answered otherwise."""

    capture_id: str
    label: str
    """The new one, for the colour of its picture."""
    scores: tuple[float, float]
    labels: tuple[str, str]
    notices: tuple[str, str]
    human: str
    """What people decided; empty where nobody did."""


class Turn(Settings):
    """Captures whose answer changes in one direction."""

    kind: str
    """``label``, ``notice`` or ``review``."""
    before: str
    after: str
    captures: int
    images: int
    """Of different pixels."""
    labelled: int
    """Images that people decided, drawn by design or not: a count, no estimate."""
    mended: int
    """Of these, where people agree with the new answer and not with the old one."""
    broken: int
    examples: tuple[Example, ...]


class Coverage(Settings):
    """What the estimates rest on."""

    drawn: int
    """Images that were put before people by design: in the review band, or as audits."""
    decided: int
    """Of these, images that they have decided."""
    beyond: int
    """Images that no draw could have shown to people: nothing is known of their errors."""


class Backtest(Settings):
    """What a span of traffic came to, and would have come to."""

    span: str
    since: datetime
    """Of the first capture."""
    until: datetime
    """Of the last one."""
    days: float
    captures: int
    images: int
    replayed: int
    """Images that were put before the model, as another one had answered them."""
    left_out: dict[str, int]
    """Captures by reason."""
    old_models: dict[str, int]
    """Captures by the version of the model that answered them."""
    model_version: str
    policy_name: str
    """The file's; empty for what the model was calibrated to."""
    policy: Policy
    threshold: float
    """In force, of files whose stratum has none of its own."""
    band: tuple[float, float]
    estimates: tuple[Compared, ...]
    seconds_per_case: Metric | None
    """None where neither was anything measured nor a number given."""
    is_measured: bool
    """Whether the seconds were measured here."""
    coverage: Coverage
    turns: tuple[Turn, ...]
    slices: tuple[Slice, ...]

    def estimate(self, name: str) -> Compared:
        """The estimate called ``name``; raises KeyError."""
        return {each.name: each for each in self.estimates}[name]
