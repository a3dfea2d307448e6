"""`load`: images sent to a deployment at a pace, and what came of it."""

from __future__ import annotations

import argparse
import math
import os
import secrets
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.commands import FAILED, INTERRUPTED, Answer, verb

if TYPE_CHECKING:
    from assay.load.pacing import Pace
    from assay.load.summary import Summary
    from assay.load.uploads import Uploads

_SECONDS = 30.0
_MOST_SEED = 2**31 - 1
_ANSWERS_A_SECOND = 20
"""Of a closed loop without a number of requests: more images are made than it will send."""


def add(things: Any) -> None:
    """Add the verb to the command line."""
    purpose = "send images to a deployment: latency, throughput, status codes, accuracy"
    load = verb(things, "load", purpose, _load, _status)
    load.description = (
        f"{purpose}. The API key is read from ASSAY_API_KEY. Exit status 1 where a request failed: "
        "no answer, 5xx, or no verdict in a 200; 130 after Ctrl-C, with a report of what there was."
    )
    load.add_argument("url", metavar="URL", help="of the deployment: http://127.0.0.1:3000")
    load.add_argument(
        "images",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="what to send; labelled by labels.csv (file,label), a manifest or sub-folders named "
        "after the labels (default: crops of the bundled photographs, every second one edited)",
    )
    _add_pace(load)
    load.add_argument(
        "--timeout", type=_positive(float), default=60.0, metavar="S", help="for one read"
    )
    load.add_argument(
        "--rationale", choices=("never", "flagged", "always"), help="when reasons are written"
    )
    load.add_argument(
        "--seed",
        type=_positive(int, _MOST_SEED),
        metavar="N",
        help="send the very crops of an earlier report",
    )
    load.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for the report (default: .assay/load/<time>)"
    )


def _add_pace(load: argparse.ArgumentParser) -> None:
    loop = load.add_mutually_exclusive_group()
    loop.add_argument(
        "--rate",
        type=_positive(float),
        metavar="R",
        help="open loop: R requests a second, due whether or not earlier ones were answered",
    )
    loop.add_argument(
        "--clients",
        type=_positive(int),
        default=1,
        metavar="N",
        help="closed loop: N clients, each waiting for its answer (default: 1)",
    )
    load.add_argument(
        "--seconds",
        type=_positive(float),
        metavar="S",
        help=f"how long requests are sent (default: {_SECONDS:g}, unless --requests is given)",
    )
    load.add_argument("--requests", type=_positive(int), metavar="N", help="how many are sent")


def _load(options: argparse.Namespace) -> Answer:
    from assay.load.client import KEY_VARIABLE, Deployment
    from assay.load.pacing import send
    from assay.load.summary import summarise
    from assay.progress import bar
    from assay.reports import load as report

    folder, pace = _target(options.out), _pace(options)
    deployment = Deployment(options.url, os.environ.get(KEY_VARIABLE, ""), options.timeout)
    fields = {"rationale": options.rationale} if options.rationale else {}
    with closing(deployment):
        deployment.model()
        uploads = _uploads(options, pace)
        with bar() as progress:
            load = send(deployment, uploads.images, pace, fields, progress)
    summary = summarise(load, deployment.url, pace, uploads)
    files = report.write(load, summary, folder)
    return summary, [*report.tables(summary), report.places(files)]


def _status(summary: Summary) -> int:
    if summary.is_interrupted:
        return INTERRUPTED
    return FAILED if summary.failed else 0


def _pace(options: argparse.Namespace) -> Pace:
    from assay.load.pacing import Pace

    seconds = options.seconds or (None if options.requests else _SECONDS)
    return Pace(options.rate, options.clients, seconds, options.requests)


def _uploads(options: argparse.Namespace, pace: Pace) -> Uploads:
    """As many as will be sent, as far as that is known."""
    from assay.load import uploads
    from assay.progress import bar

    count = pace.total() or math.ceil(_ANSWERS_A_SECOND * (pace.seconds or _SECONDS))
    if options.images is not None:
        return uploads.of_folder(options.images, count)
    seed = (
        options.seed or secrets.randbelow(_MOST_SEED) + 1
    )  # pixels that were seen are answered from the store
    with bar() as progress:
        return uploads.bundled(count, seed, None, progress)


def _target(chosen: Path | None) -> Path:
    """Where the report goes; raises `ConfigError` rather than write over another one."""
    from assay import home
    from assay.errors import ConfigError
    from assay.reports.load import REQUESTS

    target = chosen or home.root() / "load" / datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
    if (target / REQUESTS).exists():
        raise ConfigError(f"{target} holds a report already; name another folder with --out")
    return target


def _positive(kind: Callable[[str], float], most: float = math.inf) -> Callable[[str], float]:
    """A parser of finite numbers above 0 and not above ``most``."""

    def parse(text: str) -> float:
        value = kind(text)
        if not 0 < value <= most or math.isinf(value):
            raise argparse.ArgumentTypeError(f"{text} is not above 0, or too large")
        return value

    parse.__name__ = "number" if kind is float else "whole number"
    return parse
