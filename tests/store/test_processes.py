"""Several processes on one store, and processes that are killed."""

from __future__ import annotations

from assay.store import Store, StoreSettings
from tests.captures import capture, image
from tests.store import processes

ROUNDS = {"sqlite": 20, "postgresql": 5}
"""Kills; the spool is the same for both, and the commit is the server's affair."""
CASES = 120
WORKERS = 4


def test_kill_between_spool_and_database_loses_no_acknowledged_capture(settings: StoreSettings):
    answered: dict[str, str] = {}
    left = 0
    rounds = ROUNDS["postgresql" if settings.database_url else "sqlite"]
    for number in range(rounds):
        process, pipe = processes.start(processes.write_for_ever, settings, f"round{number}")
        for _ in range(2 + number % 5):
            capture_id, picture = pipe.recv()
            answered[capture_id] = picture
        process.kill()
        process.join()
        left += len(list((settings.folder / "spool").glob("*.capture")))
        while pipe.poll():  # answers that were on their way
            try:
                capture_id, picture = pipe.recv()
            except EOFError:
                break
            answered[capture_id] = picture
    with Store.open(settings, drain=False) as store:
        store.drainer.drain()
        assert store.spool.pending() == []
        assert len(answered) >= 2 * rounds
        assert left  # or no kill came between spool and database
        for capture_id, picture in answered.items():
            assert store.captures.get(capture_id).external_id == f"post-{picture}"
            assert store.captures.image(capture_id) == image(picture)
        assert store.audit.verify() is None


def test_no_case_is_claimed_twice(settings: StoreSettings):
    with Store.open(settings, drain=False) as store:
        for number in range(CASES):
            store.spool.append(capture(str(number)).drawn(0), b"")
        store.drainer.drain()
        workers = [
            processes.start(processes.claim_everything, settings, f"moderator-{n}")
            for n in range(WORKERS)
        ]
        for _, pipe in workers:
            pipe.send("go")
        claimed = [pipe.recv() for _, pipe in workers]
        for process, _ in workers:
            process.join()
        together = [case_id for one in claimed for case_id in one]
        assert len(together) == len(set(together)) == CASES
        assert sum(map(bool, claimed)) > 1  # they did work side by side
        assert store.audit.verify() is None


def test_one_idempotency_key_is_one_capture_in_all_processes(settings: StoreSettings):
    with Store.open(settings, drain=False):
        workers = [
            processes.start(processes.append_same_key, settings, "key") for _ in range(WORKERS)
        ]
    for _, pipe in workers:
        pipe.send("go")
    assert len({pipe.recv() for _, pipe in workers}) == 1
    for process, _ in workers:
        process.join()
