"""Executables on PATH that write down how they were called, and answer as they were told to."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_SCRIPT = """#!{python} -IS
import json, pathlib, sys
folder = pathlib.Path({folder!r})
words = [pathlib.Path(sys.argv[0]).name, *sys.argv[1:]]
call = {{"words": words, "given": sys.stdin.read()}}
with (folder / "calls.jsonl").open("a") as log:
    log.write(json.dumps(call) + "\\n")
line = " ".join(words)
for part, printed, status in json.loads((folder / "replies.json").read_text())[::-1]:
    if part in line:
        if status:
            sys.exit(print(printed, file=sys.stderr) or status)
        print(printed)
        break
"""


class Recorded:
    """Programs that were put on PATH; the latest reply that fits a call is given."""

    def __init__(self, folder: Path, programs: Sequence[str]) -> None:
        self.folder, self._replies = folder, []
        for name in programs:
            script = folder / name
            script.write_text(_SCRIPT.format(python=sys.executable, folder=str(folder)))
            script.chmod(0o755)
        self.forget()

    def reply(self, part: str, printed: object = "", status: int = 0) -> None:
        """Calls whose line holds ``part`` print this; with a status, as an error."""
        text = printed if isinstance(printed, str) else json.dumps(printed)
        self._replies.append([part, text, status])
        (self.folder / "replies.json").write_text(json.dumps(self._replies))

    def forget(self) -> None:
        """As if nothing had been called yet."""
        (self.folder / "calls.jsonl").write_text("")
        (self.folder / "replies.json").write_text(json.dumps(self._replies))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Words and standard input of each call, in order."""
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    def lines(self, leaving_out: str = "\0") -> list[str]:
        """The calls as lines, without those that hold ``leaving_out``."""
        said = (" ".join(call["words"]) for call in self.calls)
        return [line for line in said if leaving_out not in line]
