"""`verify`: is a case file what was signed, and does its verdict follow from it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from assay.commands import FAILED, Answer, verb


def add(things: Any) -> None:
    """Add the verb to the command line."""
    purpose = "is a case file what was signed, and does its verdict follow from it"
    verify = verb(
        things, "verify", purpose, _verify, lambda found: 0 if found.is_intact else FAILED
    )
    verify.add_argument("file", type=Path, help="a case.zip")
    verify.add_argument("--key", help="the public key (base64) of whoever should have signed it")


def _verify(options: argparse.Namespace) -> Answer:
    from assay import case_verification, signing_keys
    from assay.reports import case

    key = signing_keys.decoded(options.key, "--key") if options.key else None
    found = case_verification.verify(options.file, key)
    return found, case.verification(found)
