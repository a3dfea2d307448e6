"""Is it an image, and whole: decoded in processes of their own, which a hostile one may kill."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from assay import images
from assay.addresses import shown
from assay.downloading.outcomes import Refusal
from assay.errors import ImageTooLarge, UnreadableImage, WorkerLost
from assay.parallel import cores, prepare_worker, worker_context

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

TIME_LIMIT = 120.0
"""Seconds after which a process that still decodes one image is given up; the largest that the
decoder admits takes a few."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
"""First bytes of `assay.images.FORMATS` and their IANA media types."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The media type of an image that was decoded whole, or else why it is none."""

    media_type: str = ""
    refusal: Refusal | None = None
    reason: str = ""


def media_type(data: bytes) -> str:
    """What ``data`` begins like, of the formats that the decoder takes; empty for all others."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for first, kind in _SIGNATURES if data.startswith(first)), "")


def verify(data: bytes) -> Verdict:
    """Decode ``data``, every pixel of it, in this process."""
    kind = media_type(data)
    if not kind:
        first = shown(data[:16].decode("latin-1"))
        return Verdict(
            "", Refusal.WRONG_TYPE, f"begins with {first}, which is no image's beginning"
        )
    try:
        images.decode(data)
    except ImageTooLarge as error:
        return Verdict(kind, Refusal.TOO_LARGE, str(error))
    except UnreadableImage as error:
        return Verdict(kind, Refusal.UNREADABLE, str(error))
    return Verdict(kind)


_SOUND = bytes.fromhex("424d1e000000000000001a0000000c00000001000100010018000000ff00")
"""A bitmap of one pixel: a process that dies over this one dies of something else."""
_DIED = Verdict("", Refusal.UNREADABLE, "two processes that decoded it died or took too long")


class Verifier:
    """Processes that call `verify`, each for one image at a time; safe among threads.

    One that dies over an image, or works on it for longer than ``time_limit`` seconds, is replaced.
    """

    def __init__(self, workers: int | None = None, time_limit: float = TIME_LIMIT) -> None:
        self._time_limit = time_limit
        self._workers = [_Worker() for _ in range(workers or cores())]
        self._idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)

    def verify(self, data: bytes) -> Verdict:
        """As the function `verify`, in the next free process.

        Raises `WorkerLost` where processes do not even start, or die over a sound image, too.
        """
        if not media_type(data):
            return verify(data)
        worker = self._idle.get()
        try:
            # Once more in a new process: the first may have died of something else.
            verdict = worker.verify(data, self._time_limit)
            verdict = verdict or worker.verify(data, self._time_limit)
            if verdict is None and worker.verify(_SOUND, TIME_LIMIT) is None:
                raise WorkerLost(
                    "the processes that decode images die over any of them; see whether they have "
                    "memory enough, and start again: what came is kept"
                )
            return verdict or _DIED
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End all processes, once they are idle."""
        for _ in self._workers:
            self._idle.get().close()


class _Worker:
    """A process, and another one when it dies; used by one thread at a time."""

    def __init__(self) -> None:
        self._process: BaseProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    def verify(self, data: bytes, seconds: float) -> Verdict | None:
        """None where the process dies over ``data`` or is not done in time."""
        connection = self._connection or self._start()
        with suppress(EOFError, OSError):
            connection.send_bytes(data)
            if connection.poll(seconds):
                verdict: Verdict = connection.recv()
                return verdict
        self.close()
        return None

    def close(self) -> None:
        if self._process is not None and self._connection is not None:
            self._process.kill()  # it holds nothing that could be lost
            self._process.join()
            self._process.close()
            self._connection.close()
            self._process = self._connection = None

    def _start(self) -> Connection[Any, Any]:
        context: Any = worker_context(__name__)  # the base class is typed without processes
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self._connection.recv()
        except EOFError as error:
            self.close()
            raise WorkerLost("a process that decodes images ended as it started") from error
        return self._connection


def _serve(connection: Connection[Any, Any]) -> None:
    prepare_worker()
    with suppress(EOFError, OSError):
        connection.send("ready")
        while True:
            connection.send(verify(connection.recv_bytes()))
