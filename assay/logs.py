"""One log file a run, and a terse console: what a person reads is short, what explains is kept."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from assay import home

_FILE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Terse(logging.Handler):
    """Messages of Assay itself on stderr, one line each; tracebacks stay in the file."""

    def emit(self, record: logging.LogRecord) -> None:
        # Looked up on every call: a progress bar puts its own stream there while it lives.
        if record.exc_info is None:
            sys.stderr.write(f"{record.getMessage()}\n")


def start(name: str) -> Path:
    """Send all logging and warnings to ``logs/<name>.log`` and a terse copy to stderr.

    Replaces handlers that libraries have put on the root logger. Returns the file.
    """
    path = home.folder("logs") / f"{name}.log"
    file = logging.FileHandler(path, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter(_FILE_FORMAT))
    logging.root.handlers = [file]
    logging.captureWarnings(True)
    domain = logging.getLogger("assay")
    domain.setLevel(logging.INFO)
    domain.handlers = [_Terse()]
    return path
