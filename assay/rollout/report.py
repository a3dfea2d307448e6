"""The page of a deployment: what, from where, what both sides did while it was tried, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from assay.load.summary import percentile
from assay.metrics import Metric
from assay.reports import interval, pictures
from assay.reports.figures import SERIES
from assay.reports.page import Page, render
from assay.rollout.deploying import Attempt
from assay.rollout.limits import lower_bound
from assay.rollout.target import Side
from assay.rollout.watched import Moment
from assay.store.deployments import Deployment, State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SLOW = 0.95
_ONE_SIDED = 0.975
_COLUMNS = "share", "mode", "side", "answers", "errors", "p50, ms", "p95, ms", "other verdicts"
_NUMBERS = _COLUMNS[3:]
_OUTCOMES = {
    State.ACTIVE: ("good", "Active:", "it answers."),
    State.ROLLED_BACK: ("bad", "Rolled back:", "what answered before answers everything."),
    State.REFUSED: ("bad", "Refused:", "it did not prove good, and answered nobody."),
}


def page(attempt: Attempt, links: Mapping[str, str]) -> Page:
    """Verdict and reasons first, then what was seen of each share, the proof, and the origin."""
    deployment, shares = attempt.deployment, decided(attempt.moments)
    return render(
        "deployment.html",
        f"Deployment of {deployment.subject.release}",
        outcome=_OUTCOMES.get(deployment.state, ("warn", f"{deployment.state}:", "")),
        deployment=deployment,
        standing=attempt.standing,
        tiles=_tiles(deployment, attempt.moments),
        picture=pictures.svg(figure(attempt.moments)) if attempt.moments else "",
        columns=_COLUMNS,
        rows=[row for moment in shares for row in _rows(moment)],
        numbers=_NUMBERS,
        findings=attempt.proof.findings if attempt.proof else (),
        origin=_origin(deployment),
        links=links,
    )


def decided(moments: Sequence[Moment]) -> list[Moment]:
    """The last look at each share: what it was decided on."""
    shares = groupby(moments, key=lambda moment: (moment.share, moment.mode))
    return [list(looks)[-1] for _, looks in shares]


def figure(moments: Sequence[Moment]) -> Figure:
    """Share, errors and latency of both sides over the rollout; counts begin anew at a share."""
    drawn = pictures.figure(8.4, 6.2)
    share, errors, latency = drawn.subplots(3, 1, sharex=True, height_ratios=[1, 1.4, 1.4])
    seconds = [moment.seconds for moment in moments]
    shown = [100 * moment.share for moment in moments]
    share.step(seconds, shown, where="post", color=SERIES[0], linewidth=1.8)
    share.fill_between(seconds, shown, step="post", color=SERIES[0], alpha=0.15, linewidth=0)
    sides = {
        "challenger": [moment.seen.challenger for moment in moments],
        "current": [moment.seen.current for moment in moments],
    }
    for (name, seen), colour, dash in zip(sides.items(), SERIES, ("-", "--"), strict=False):
        line = {"color": colour, "linestyle": dash, "linewidth": 1.8, "label": name}
        errors.plot(seconds, [100 * _error_rate(side) for side in seen], **line)
        latency.plot(seconds, [_percentile(side, _SLOW) for side in seen], **line)
    _finish(share, "share, %", 0)
    _finish(errors, "errors, %", 0.5)
    _finish(latency, "p95, ms", 0)
    _mark_changes((share, errors, latency), moments)
    errors.legend(frameon=False, loc="upper left")
    latency.set_xlabel("seconds since the first share")
    return drawn


def _finish(axes: Axes, name: str, least: float) -> None:
    """From zero on, and a line of zeros is not at the top of its axis."""
    axes.set_ylabel(name)
    axes.set_ylim(0, max(1.15 * axes.dataLim.ymax, least) if np.isfinite(axes.dataLim.ymax) else 1)
    axes.spines[["top", "right"]].set_visible(False)


def _mark_changes(shown: Sequence[Axes], moments: Sequence[Moment]) -> None:
    for before, after in pairwise(moments):
        if (before.share, before.mode) != (after.share, after.mode):
            for axes in shown:
                axes.axvline(after.seconds, color=pictures.FAINT, linewidth=0.8, linestyle=":")


def share_interval(of_kind: int, total: int) -> Metric:
    """A share with its exact 95 % interval (Clopper and Pearson 1934)."""
    low = lower_bound(of_kind, total, _ONE_SIDED)
    high = 1 - lower_bound(total - of_kind, total, _ONE_SIDED)
    return Metric(of_kind / total, low, high, total)


def _rows(moment: Moment) -> list[tuple[str, ...]]:
    """Both sides of one share, the challenger first."""
    seen, what = moment.seen, f"{100 * moment.share:g} %"
    disagreed = "not compared"
    if seen.compared:
        disagreed = f"{interval(share_interval(seen.disagreed, seen.compared))} of {seen.compared}"
    challenger = what, moment.mode.value, "challenger", *_numbers(seen.challenger), disagreed
    return [challenger, ("", "", "current", *_numbers(seen.current), "")]


def _numbers(side: Side) -> tuple[str, ...]:
    if not side.requests:
        return "0", "-", "-", "-"
    middle, slow = "-", "-"
    if side.latencies_ms:
        middle, slow = f"{_percentile(side, 0.5):.0f}", _with_ends(side.latencies_ms)
    errors = interval(share_interval(side.errors, side.requests))
    return f"{side.requests:,}", errors, middle, slow


def _with_ends(latencies: Sequence[float]) -> str:
    """The slow percentile with its 95 % interval; a question mark where too few values bound it."""
    found = percentile(np.sort(latencies), 100 * _SLOW)
    low, high = ("?" if end is None else f"{end:.0f}" for end in (found.low, found.high))
    return f"{found.value:.0f} ({low}-{high})"


def _error_rate(side: Side) -> float:
    return side.errors / side.requests if side.requests else float("nan")


def _percentile(side: Side, share: float) -> float:
    if not side.latencies_ms:
        return float("nan")
    return float(np.quantile(side.latencies_ms, share))


def _tiles(deployment: Deployment, moments: Sequence[Moment]) -> list[tuple[str, str]]:
    end = deployment.activated_at or deployment.ended_at or deployment.started_at
    tiles = [
        (deployment.strategy.replace("_", "/") or "-", f"on {deployment.target}"),
        (f"{(end - deployment.started_at).total_seconds():.0f} s", "from begin to end"),
    ]
    if moments:
        answered = sum(moment.seen.challenger.requests for moment in decided(moments))
        tiles.append((f"{answered:,}", "answers of the challenger"))
        tiles.append((f"{100 * max(m.share for m in moments):g} %", "largest share"))
    return tiles


def _origin(deployment: Deployment) -> list[tuple[str, str]]:
    subject = deployment.subject
    rows = {
        "release": subject.release,
        "model version": subject.model_version,
        "content of the model": subject.model_content[:12],
        "serving plan": subject.plan or "the default",
        "run that trained it": subject.run,
        "dataset": subject.dataset_version,
        "commit of the code": subject.git_commit,
        "deployed by": deployment.who,
        "began (UTC)": f"{deployment.started_at:%Y-%m-%d %H:%M:%S}",
        "deployment": deployment.id,
    }
    return [(name, value or "not known") for name, value in rows.items()]
