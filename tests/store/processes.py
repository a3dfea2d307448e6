"""What other processes do to a store in the tests; importable, so that they can be started anew."""

from __future__ import annotations

import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from assay.store import HumanLabel, Store, StoreSettings, Vote
from tests.captures import capture, image

CONTEXT = multiprocessing.get_context("forkserver")
"""Children come from a clean process that has imported the store once."""
CONTEXT.set_forkserver_preload(["assay.store", "psycopg", "tests.captures"])


def start(work: object, *arguments: object) -> tuple[ForkServerProcess, Connection]:
    """Begin ``work(pipe, *arguments)`` in a process; its process and our end of the pipe."""
    ours, theirs = CONTEXT.Pipe()
    process = CONTEXT.Process(target=work, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def write_for_ever(pipe: Connection, settings: StoreSettings, name: str) -> None:
    """Append captures and say so, as a service does that answers 200, while a thread drains."""
    store = Store.open(settings)
    for number in range(10_000):
        picture = f"{name}-{number}"
        made = store.captures.append(capture(picture), image(picture))
        pipe.send((made.id, picture))


def claim_everything(pipe: Connection, settings: StoreSettings, account: str) -> None:
    """Claim and decide until nothing is left, and tell which cases it was."""
    claimed = []
    with Store.open(settings, drain=False) as store:
        pipe.recv()
        while case := store.review.claim(account):
            claimed.append(case.id)
            if len(claimed) % 2:
                store.review.decide(case.id, account, Vote(HumanLabel.AUTHENTIC))
    pipe.send(claimed)


def append_same_key(pipe: Connection, settings: StoreSettings, key: str) -> None:
    """Serve one request under an idempotency key, and tell the identifier."""
    with Store.open(settings, drain=False) as store:
        pipe.recv()
        pipe.send(store.captures.id_for("platform", key, "body"))
