"""A service that works on jobs until it is killed: ``python -m tests.bento.job_process``."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from tests.bento import services

if __name__ == "__main__":
    with services.running(Path(sys.argv[1]), Path(sys.argv[2])):
        signal.pause()
