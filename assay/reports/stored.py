"""Keys, accounts and captures, as tables drawn in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from assay.reports.terminal import table_of
from assay.store import Account, ApiKey, Capture, Decision, Sibling


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


def _lines(shown: Capture, siblings: Sequence[Sibling]) -> Iterator[str]:
    for finding in shown.findings:
        if sentence := finding.get("sentence"):
            yield str(sentence)
    for sibling in siblings:
        yield f"{sibling.id}: {sibling.sentence}"


def _moment(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
