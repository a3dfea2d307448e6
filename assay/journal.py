"""Rows on their way into a file, safe against a kill: long work goes on where it stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

from assay.locks import exclusive

Row = dict[str, Any]
"""JSON types by column; ``key`` identifies the row."""


class Journal:
    """One JSON object a line; the first line says what the rows were made from.

    A journal that was made from something else (another input, another model) is started afresh.
    """

    def __init__(self, path: Path, made_from: dict[str, str]) -> None:
        self._path = path
        lines = self._lines()
        if not lines or json.loads(lines[0]) != made_from:
            lines = [json.dumps(made_from)]
            path.write_text(f"{lines[0]}\n", encoding="utf-8")
        else:  # cut off what a kill tore, without writing anew what is safe (JSON here is ASCII)
            os.truncate(path, sum(len(line) + 1 for line in lines))
        self.done: set[str] = {json.loads(line)["key"] for line in lines[1:]}

    @classmethod
    @contextmanager
    def beside(cls, output: Path, made_from: dict[str, str]) -> Iterator[Journal]:
        """The journal of ``output``, hidden in the same folder.

        Raises `StorageError` where the folder cannot be written or another process writes
        ``output``.
        """
        path = output.with_name(f".{output.name}.journal")
        refusal = f"another run is writing {output}; wait for its end or name another output"
        with exclusive(path, refusal):
            yield cls(path, made_from)

    def append(self, rows: list[Row]) -> None:
        """Add ``rows`` and wait until they are on disk."""
        with self._path.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{json.dumps(row)}\n" for row in rows)
            stream.flush()
            os.fsync(stream.fileno())
        self.done.update(row["key"] for row in rows)

    def rows(self) -> list[Row]:
        """All rows, in the order in which they were added."""
        return [json.loads(line) for line in self._lines()[1:]]

    def remove(self) -> None:
        """Forget the journal, once the output stands."""
        self._path.unlink()

    def _lines(self) -> list[str]:
        """The good lines: what a kill tore off at the end, or a crash damaged, does not count."""
        if not self._path.exists():
            return []
        complete = self._path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1]
        return list(takewhile(_is_object, complete))


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
