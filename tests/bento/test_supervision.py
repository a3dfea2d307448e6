"""Until its processes have ended, a supervisor leaves them the sockets that they work with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from assay.home import REPOSITORY

_SUPERVISOR = """
import os, shutil, signal, sys
from circus.watcher import Watcher
from bentoml._internal.utils.circus import create_standalone_arbiter
if "{with}" == "True":
    from bento import supervision
    supervision.install()
watcher = Watcher(name="w", cmd=sys.executable, args=["-c", {worker!r}], stop_children=True)
arbiter = create_standalone_arbiter([watcher])
arbiter.exit_stack.callback(shutil.rmtree, sys.argv[1])
arbiter.start()
"""
_WORKER = """
import os, signal, time
def leave(*_):
    time.sleep(0.5)
    with open({said!r}, "w") as file:
        file.write(str(os.path.isdir({sockets!r})))
    os._exit(0)
signal.signal(signal.SIGTERM, leave)
os.kill(os.getppid(), signal.SIGTERM)
signal.pause()
"""


@pytest.mark.parametrize("installed", [True, False])
def test_sockets_outlive_the_processes(installed: bool, tmp_path: Path) -> None:
    sockets, said = tmp_path / "sockets", tmp_path / "said"
    sockets.mkdir()
    worker = _WORKER.format(said=str(said), sockets=str(sockets))
    code = _SUPERVISOR.format(**{"with": installed, "worker": worker})
    command = [sys.executable, "-W", "ignore", "-c", code, str(sockets)]
    subprocess.run(command, cwd=REPOSITORY, timeout=90, check=True)
    assert said.read_text() == str(installed)  # False: BentoML itself no longer needs the change
    assert not sockets.exists()
