"""Answers as the contract shows them: one image, said about in every shape that holds it."""

from __future__ import annotations

from typing import Any

CAPTURE_ID = "01936f3e-8d2c-7a41-9b1e-5f0c2d7a6e34"
SIBLING_ID = "01935b10-22f4-7c80-8a3d-9e4f7b1c0d52"

_NOTICE = f"https://assay.example/v1/detections/{CAPTURE_ID}/notice"
_SIGNED = "lang=en&expires=1796083200&signature=b3JpZ2luYWw"
_HERE = {"left": 0.58, "top": 0.52, "right": 0.86, "bottom": 0.9}
_THERE = {"left": 0.57, "top": 0.52, "right": 0.85, "bottom": 0.91}

PROBLEM: dict[str, Any] = {
    "error": "not an image (12 bytes beginning with b'hello'); supply a JPEG, PNG, "
    "WEBP, GIF, TIFF or BMP image",
    "code": "unreadable_image",
    "request_id": "01936f3e-8d2d-7b10-8c55-0a1b2c3d4e5f",
}
DETECTION: dict[str, Any] = {
    "id": CAPTURE_ID,
    "created_at": "2026-05-01T10:00:00Z",
    "external_id": "post-42",
    "label": "manipulated",
    "score": 0.94,
    "probabilities": {"authentic": 0.06, "manipulated": 0.93, "synthesized": 0.01},
    "needs_review": False,
    "stability": {
        "is_stable": True,
        "rescored": [
            {"perturbation": "jpeg 70", "label": "manipulated", "score": 0.91},
            {"perturbation": "resize 0.5", "label": "manipulated", "score": 0.88},
            {"perturbation": "screenshot jpeg", "label": "manipulated", "score": 0.9},
        ],
    },
    "findings": [
        {
            "id": "noise_inconsistency",
            "title": "Noise level",
            "value": 0.81,
            "null_rate": 0.012,
            "sentence": "Noise level: 1.2 % of authentic images measure as high.",
            "suggests": "pasted",
            "not_applicable": "",
            "regions": [_HERE],
            "facts": [],
            "surprise": 1.9,
        }
    ],
    "provenance": {"state": "none", "facts": [["Software", "Photo Editor 12"]]},
    "context": "Only the image was checked. Captions, claims, dates and places were not: an "
    "untouched photo under a false caption is still misleading.",
    "rationale": "The noise in the lower right is weaker than everywhere else.",
    "notice": {
        "level": "caution",
        "reason": "checked_manipulated",
        "language": "en",
        "title": "Be careful with this image",
        "sentence": "An automatic check found signs that parts of it were changed.",
        "html_url": f"{_NOTICE}.html?{_SIGNED}",
        "svg_url": f"{_NOTICE}.svg?{_SIGNED}",
    },
    "decision": None,
    "answered_from": None,
    "siblings": [
        {
            "id": SIBLING_ID,
            "kind": "locally_different",
            "sentence": "An image seen before shows other content in one place.",
            "share": 0.08,
            "distance": 14,
            "differences": [{"first": _HERE, "second": _THERE}],
            "decision": {
                "label": "authentic",
                "action": "allow",
                "reason_code": "no_violation",
                "decided_at": "2026-04-28T08:12:00Z",
            },
        }
    ],
    "known_images": [
        {
            "id": 4711,
            "image_id": "990af75e218d0b2d277a971385ea833c729a110f1be50698bdce637e",
            "fact_check_url": "https://fact-check.example/old-photo-of-a-flood",
            "title": "This photo of a flood is from 2018",
            "review_date": "2023-02-23",
            "average_distance": 1,
            "phash_distance": 2,
            "has_image": True,
        }
    ],
    "model_version": "7",
    "serving_plan": None,
    "timings": {"identify": 4.1, "seen_before": 0.9, "evidence": 118.0, "model": 24.6},
}
REVIEW_CASE: dict[str, Any] = {
    "id": "01936f3e-9a00-7d21-b0c4-2f6f0a4d5e6b",
    "reason": "report",
    "is_audit": False,
    "uploads": [
        {
            "id": CAPTURE_ID,
            "created_at": "2026-05-01T10:00:00Z",
            "external_id": "post-42",
            "caption": "Seen over the harbour last night",
            "post_url": "https://example.org/post/42",
            "reach": 12000,
            "image_url": f"https://assay.example/v1/detections/{CAPTURE_ID}/image",
        }
    ],
    "size": 1,
    "reach": 12000,
    "reports": 3,
    "appeals": 0,
    "held_until": "2026-05-01T10:15:00Z",
    "detection": DETECTION,
}
