"""Values for every page of the console, with one text wherever a stranger's text may stand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

FRAGMENTS = {"card.html", "case.html", "decisions.html"}
WHEN = datetime(2026, 5, 1, tzinfo=UTC)
BOX = {"left": 0.1, "top": 0.5, "right": 0.4, "bottom": 0.9}
BAND = {"low": 0.2, "high": 0.9}


def finding(text: str, **changes: Any) -> dict[str, Any]:
    """One entry of a detection's `findings`."""
    return {
        "id": "noise",
        "title": text,
        "value": 2.0,
        "null_rate": 0.02,
        "sentence": text,
        "suggests": "pasted",
        "not_applicable": None,
        "regions": [BOX],
        "facts": [[text, text]],
        **changes,
    }


def detection(text: str) -> dict[str, Any]:
    """A detection as the API answers it."""
    return {
        "id": "d1",
        "created_at": WHEN.isoformat(),
        "label": "manipulated",
        "score": 0.8,
        "probabilities": {"authentic": 0.2, "manipulated": 0.7, "synthesized": 0.1},
        "needs_review": True,
        "stability": {
            "is_stable": False,
            "rescored": [
                {"perturbation": "jpeg 70", "label": "manipulated", "score": 0.7},
                {"perturbation": "resize 0.5", "label": "authentic", "score": 0.1},
                {"perturbation": "screenshot jpeg", "label": "manipulated", "score": 0.6},
            ],
        },
        "findings": [
            finding(text),
            finding(text, id="dull", null_rate=None, value=None, not_applicable=text, regions=[]),
        ],
        "provenance": {"state": text, "facts": [[text, text]]},
        "context": text,
        "rationale": text,
        "notice": {
            "level": "caution",
            "reason": "checked_manipulated",
            "language": "en",
            "title": text,
            "sentence": text,
            "html_url": "/notice.html",
            "svg_url": "/notice.svg",
        },
        "decision": {"label": "manipulated", "action": text, "decided_at": WHEN.isoformat()},
        "answered_from": text,
        "siblings": [
            {
                "id": "s1",
                "kind": text,
                "sentence": text,
                "share": 0.05,
                "distance": 12,
                "differences": [{"first": BOX, "second": BOX}],
            }
        ],
        "known_images": [
            {
                "id": 7,
                "image_id": text,
                "fact_check_url": text,
                "title": text,
                "review_date": text,
                "average_distance": 1,
                "phash_distance": 2,
                "has_image": True,
            }
        ],
        "model_version": text,
        "serving_plan": None,
        "timings": {text: 12.0},
    }


def frame(text: str) -> dict[str, Any]:
    """What every page expects."""
    return {"viewer": {"name": text, "role": "moderator"}, "csrf": text, "backlog": 3}


def about(found: dict[str, Any], text: str = "x", is_graphic: bool = False) -> dict[str, Any]:
    """What a card expects of ``found``."""
    return {
        "detection": found,
        "band": BAND,
        "caption": text,
        "post_url": f"https://post.example/{text}",
        "is_graphic": is_graphic,
        "is_hidden": False,
    }


def case(text: str) -> dict[str, Any]:
    """A case with its detection, blurred."""
    counts = {"size": 2, "reach": 1000, "reports": 1, "appeals": 1}
    return {
        **about(detection(text), text),
        "case": {"id": text, "is_audit": False, "opened_at": WHEN, **counts},
        "why": text,
        "lease": 600,
        "has_image": True,
        "uploaded_at": WHEN,
        "blur": "remember",
        "voices": [{"kind": "appeal", "reason": text, "note": text, "created_at": WHEN}],
        "history": history(text),
    }


def history(text: str) -> list[dict[str, Any]]:
    """A vote and what took it back."""
    vote = {"id": 1, "who": text, "created_at": WHEN, "label": "manipulated", "action": text,
            "reason_code": text, "note": text, "is_blind": True, "undoes": None}  # fmt: skip
    return [vote, vote | {"id": 2, "label": None, "undoes": 1}]


def values(text: str) -> dict[str, dict[str, Any]]:
    """The values of every page and fragment, by template."""
    choices = {
        "actions": [{"id": text, "title": text}] * 5,
        "reasons": [{"code": text, "title": text}],
    }
    card = about(detection(text), text)
    row = {"id": text, "created_at": WHEN, "label": "manipulated", "score": 0.8,
           "needs_review": True, "decision": detection(text)["decision"], "notice": "caution",
           "client": text, "external_id": text, "model_version": text,
           "is_hidden": False, "has_image": True}  # fmt: skip
    return {
        "card.html": card,
        "case.html": case(text),
        "decisions.html": {"history": history(text)},
        "check.html": frame(text)
        | {"limits": {"megabytes": 20.0, "formats": [text]}, "model": text, "may_check": True},
        "detection.html": frame(text)
        | card
        | choices
        | {"history": history(text), "may_decide": True},
        "review.html": frame(text)
        | choices
        | {"suggested": {"manipulated": {"action": text, "reason": text}}},
        "history.html": frame(text)
        | {
            "filters": dict.fromkeys(
                (
                    "label",
                    "review",
                    "human",
                    "notice",
                    "client",
                    "external_id",
                    "since",
                    "until",
                    "text",
                ),
                text,
            ),
            "rows": [row],
            "total": "1,000+",
            "previous_url": None,
            "next_url": "/history?page=2",
            "exports": [{"title": text, "url": "/export"}],
        },
        "overview.html": frame(text) | overview(text),
        "sign_in.html": frame(text)
        | {"viewer": None, "backlog": None, "error": text, "command": text}
        | {"action": "/sign-in", "is_link": False, "next": text},
        "demo.html": frame(text)
        | {
            "posts": [
                {
                    "name": text,
                    "author": text,
                    "caption": text,
                    "id": text,
                    "level": level,
                    "sentence": text,
                    "as_frame": level == "warning",
                    "html_url": f"/{text}",
                    "svg_url": f"/{text}",
                }
                for level in ("none", "caution", "warning")
            ]
        },
        "error.html": frame(text)
        | {"status": 404, "error": text, "code": text, "request_id": text},
    }


def overview(text: str) -> dict[str, Any]:
    """What the overview expects beside the frame."""
    return {
        "days": 7,
        "periods": [1, 7],
        "figures": {
            "captures": 10,
            "by_label": {"authentic": 9, "manipulated": 1},
            "cleared_share": 0.9,
            "backlog": 1,
            "oldest_open": 60.0,
            "votes": 4,
            "median_seconds": 8.0,
            "blind_votes": 2,
            "agreement": 1.0,
            "agreement_low": 0.2,
            "agreement_high": 1.0,
            "median_latency_ms": 80.0,
            "p95_latency_ms": 140.0,
        },
        "business": {
            "auto_cleared": 0.8,
            "sent_to_review": 0.1,
            "reports_avoided": {"value": 12.4, "low": 3.2, "high": 40.0},
        },
        "volume_by_day": [{"date": text, "authentic": 9, "manipulated": 1, "synthesized": 0}],
        "latency_by_day": [80.0, 82.0],
        "model": {"version": text, "since": WHEN, "band": BAND, "statement": text},
        "window": {
            "id": text,
            "until": WHEN,
            "is_enough": True,
            "pictures": 500,
            "columns": 46,
            "moved": 3,
            "action": text,
            "pages": ["report", "trend", "evidently"],
        },
    }
