"""Keys, accounts, captures, deployments and turns of the loop, as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.known_images import KnownImage
from assay.reports import loop as loop_report
from assay.reports.terminal import table_of
from assay.store import Account, ApiKey, Capture, Decision, Deployment, Sibling
from assay.store.loops import LoopRun


def keys(found: Sequence[ApiKey]) -> Table:
    """One line a key, without its secret."""
    table = table_of("key", "name", "may", "kind", "created (UTC)", "revoked (UTC)")
    for key in found:
        table.add_row(
            key.id,
            key.client,
            ", ".join(sorted(key.scopes)),
            "sandbox" if key.is_sandbox else "live",
            _moment(key.created_at),
            _moment(key.revoked_at),
        )
    return table


def new_key(key: ApiKey, secret: str) -> Iterator[RenderableType]:
    """The key's line, and its secret by itself."""
    yield keys([key])
    yield "The secret, shown this once:"
    yield secret


def accounts(found: Sequence[Account]) -> Table:
    """One line an account."""
    table = table_of("name", "role", "state", "created (UTC)", "account")
    for account in found:
        state = "disabled" if account.is_disabled else "active"
        table.add_row(account.name, account.role, state, _moment(account.created_at), account.id)
    return table


def capture(
    shown: Capture, siblings: Sequence[Sibling], decision: Decision | None
) -> RenderableType:
    """What was asked, answered and decided; measurements stay in ``--json``."""
    table = table_of("capture", shown.id)
    facts = {
        "served (UTC)": _moment(shown.created_at),
        "client": shown.client,
        "post": " ".join(filter(None, (shown.external_id, shown.post_url))),
        "caption": shown.caption,
        "image": f"{shown.width} x {shown.height} {shown.media_type} {shown.image_digest}",
        "verdict": f"{shown.label}, score {shown.score:.3f}",
        "needs review": "yes" if shown.needs_review else "no",
        "notice": shown.notice,
        "model": shown.model_version,
        "decision": "" if decision is None else f"{decision.label} {decision.action}",
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return Group(table, *(Text(f"- {line}") for line in _lines(shown, siblings)))


def deployments(found: Sequence[Deployment]) -> Table:
    """One line a deployment."""
    table = table_of("deployment", "began (UTC)", "target", "", "release", "model", "state", "who")
    for one in found:
        what, subject = one.action if one.strategy == "" else one.strategy, one.subject
        facts = one.target, what, subject.release, subject.model_version, one.state, one.who
        table.add_row(one.id, _moment(one.started_at), *facts)
    return table


def deployment(shown: Deployment) -> RenderableType:
    """Where its release comes from, how far it came, and why."""
    subject, table = shown.subject, table_of("deployment", shown.id)
    facts = {
        "target": f"{shown.target}, {' '.join(filter(None, (shown.strategy, shown.action)))}",
        "state": shown.state,
        "who": shown.who,
        "began (UTC)": _moment(shown.started_at),
        "answered from (UTC)": _moment(shown.activated_at),
        "ended (UTC)": _moment(shown.ended_at),
        "release": subject.release,
        "model": " ".join(filter(None, (subject.model_version, subject.model_content[:12]))),
        "serving plan": subject.plan or "the default",
        "trained by": subject.run,
        "dataset": subject.dataset_version,
        "code": subject.git_commit,
    }
    for name, value in facts.items():
        table.add_row(name, value)
    return Group(table, *(Text(f"- {reason}") for reason in shown.reasons))


def known_images(found: Sequence[KnownImage]) -> Table:
    """One line an image and fact-check; what fact-checkers wrote is shown as it stands."""
    table = table_of("image", "reviewed", "fact-check", "address", "image kept")
    for one in found:
        texts = map(Text, (one.image_id, one.review_date, one.title, one.fact_check_url))
        table.add_row(*texts, "yes" if one.digest else "no")
    return table


def loops(found: Sequence[LoopRun]) -> Table:
    """One line a turn of the loop."""
    table = table_of("turn", "began (UTC)", "state", "stages", "why", "who")
    for run in found:
        stages = ", ".join(stage.name for stage in run.stages)
        why = " ".join(run.reasons)
        table.add_row(run.id, _moment(run.started_at), run.state, stages, Text(why), run.who)
    return table


def loop(shown: LoopRun) -> RenderableType:
    """How a turn of the loop stands, and what each stage came to."""
    table = table_of("turn", shown.id)
    facts = {
        "state": shown.state,
        "who": shown.who,
        "began (UTC)": _moment(shown.started_at),
        "ended (UTC)": _moment(shown.ended_at),
    }
    for name, value in facts.items():
        table.add_row(name, value)
    stages = table_of(*loop_report.COLUMNS)
    for stage in shown.stages:
        stages.add_row(*map(Text, loop_report.row(stage)))
    return Group(table, stages, *(Text(f"- {reason}") for reason in shown.reasons))


def _lines(shown: Capture, siblings: Sequence[Sibling]) -> Iterator[str]:
    for finding in shown.findings:
        if sentence := finding.get("sentence"):
            yield str(sentence)
    for sibling in siblings:
        yield f"{sibling.id}: {sibling.sentence}"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
