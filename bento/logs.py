"""How the service's log reads: JSON lines where a machine collects them, plain lines otherwise.

``ASSAY_LOG_FORMAT=json`` chooses JSON. Either way a line carries the id of the request that it
came from, and never what a request holds: no image, no caption, no secret, no query.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

FORMAT_VARIABLE = "ASSAY_LOG_FORMAT"
"""``json`` or, by default, ``text``."""

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that the present code works for; threads started for it inherit it."""

_FIELDS = "fields"
_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_LIBRARIES = ("bentoml", "uvicorn", "uvicorn.error", "circus", "py.warnings")
_ACCESS = "uvicorn.access"


def extra(**fields: Any) -> dict[str, dict[str, Any]]:
    """Named values beside the message of a record, as the argument ``extra`` of a logger."""
    return {_FIELDS: fields}


class JsonLines(logging.Formatter):
    """One JSON object a record (time, level, logger, message, request_id), on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": request_id.get(),
            **getattr(record, _FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Text(logging.Formatter):
    """Lines for people, the request's id at their end."""

    def __init__(self) -> None:
        super().__init__(_TEXT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        """The line, without what follows of an exception."""
        given = request_id.get()
        return super().formatMessage(record) + (f" [{given}]" if given else "")


def formatter() -> logging.Formatter:
    """The formatter that the environment asks for."""
    return JsonLines() if os.environ.get(FORMAT_VARIABLE, "").lower() == "json" else Text()


def start() -> None:
    """Send everything that this process logs to stderr, in the one format.

    Libraries lose their own handlers, and uvicorn's access log ends: it shows queries, which hold
    signatures.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter())
    logging.captureWarnings(capture=True)
    logging.root.handlers = [handler]
    logging.root.setLevel(logging.WARNING)
    for name in ("assay", "bento", *_LIBRARIES):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [], True
    for name in ("assay", "bento"):
        logging.getLogger(name).setLevel(logging.INFO)
    access = logging.getLogger(_ACCESS)
    access.handlers, access.propagate = [], False
