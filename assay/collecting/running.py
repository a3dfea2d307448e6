"""A run: each collector walked on from its cursor, what it finds handed in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from assay import locks
from assay.collecting.fetched import Fetched
from assay.collecting.handing_in import Counter
from assay.collecting.ledger import Ledger
from assay.collecting.records import Collection, Ending, Gathered
from assay.collecting.settings import CollectSettings
from assay.collecting.walking import Walk
from assay.collectors.api import SYSTEM, Clock
from assay.load.client import KEY_VARIABLE, Deployment
from assay.progress import Progress, silent

LEDGER = "ledger.sqlite3"
"""In the folder of collections."""
_UNDER_WAY = "another run collects into {}; wait for its end"


def collect(
    settings: CollectSettings, folder: Path, progress: Progress = silent, clock: Clock = SYSTEM
) -> Collection:
    """Let every collector of ``settings`` hand in what is new; ``folder`` holds what is known.

    May be killed at any point: the next run goes on, without loss and, within the day for which
    the service remembers keys, without repeats. Raises, before anything is asked for, `ConfigError`
    where a token is missing, `SourceUnavailable` where no service answers, and `StorageError`
    while another run is under way. What happens to a collector later is in its `Gathered`.
    """
    built = {name: chosen.build() for name, chosen in settings.collectors.items()}
    apis = {name: one.api(settings.api, clock) for name, one in built.items()}
    began = clock.now()
    with _opened(settings, folder, clock) as (ledger, counter):
        model = counter.model()
        fetched = Fetched(folder, settings, clock)
        gathered: list[Gathered] = []
        for name, one in built.items():
            if any(done.ending is Ending.BUSY for done in gathered):
                break  # what one waited for in vain, the others need not wait for
            walk = Walk(name, one, apis[name], settings, ledger, fetched, counter)
            gathered.append(walk.take(progress))
        fetched.tidy(ledger.digests_wanted())
    return Collection(
        began=datetime.fromtimestamp(began, UTC),
        seconds=round(clock.now() - began, 1),
        service=settings.service,
        model=model,
        gathered=tuple(gathered),
    )


@contextmanager
def _opened(
    settings: CollectSettings, folder: Path, clock: Clock
) -> Iterator[tuple[Ledger, Counter]]:
    with (
        locks.exclusive(folder / "lock", _UNDER_WAY.format(folder)),
        Ledger.open(folder / LEDGER) as ledger,
        closing(Deployment(settings.service, os.environ.get(KEY_VARIABLE, ""))) as deployment,
    ):
        yield ledger, Counter(deployment, settings.longest_wait_seconds, clock)
