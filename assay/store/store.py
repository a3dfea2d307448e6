"""The store as a whole: opened once a process, and closed."""

from __future__ import annotations

import logging
import time
from types import TracebackType
from typing import Self

from assay.errors import StorageError, StoreUnavailable
from assay.store.accounts import Accounts
from assay.store.answers import KeptAnswers
from assay.store.api_keys import ApiKeys
from assay.store.audit import AuditLog
from assay.store.audits import Audits
from assay.store.captures import Captures
from assay.store.columns import utc_now
from assay.store.database import Clock, Database
from assay.store.deployments import Deployments
from assay.store.drainer import Drainer
from assay.store.feedback import Feedback
from assay.store.figures import Overview
from assay.store.history import History
from assay.store.image_files import ImageFiles
from assay.store.jobs import Jobs
from assay.store.labelled_images import LabelledImages
from assay.store.labels import Labels
from assay.store.lineage import Lineage
from assay.store.loops import Loops
from assay.store.outbox import Outbox
from assay.store.outcomes import Outcomes
from assay.store.refusals import Refusals
from assay.store.reports import Reports
from assay.store.retention import Retention
from assay.store.review import Review
from assay.store.settings import StoreSettings
from assay.store.spool import Spool
from assay.store.traffic import Traffic
from assay.store.windows import Windows

logger = logging.getLogger(__name__)

_PAUSE = 0.2
"""Seconds between two attempts to reach the database at the start."""


class Store:
    """Everything that outlives a request; each attribute is one concern, documented there.

    Safe to share among threads; processes open their own, on the same places.
    """

    def __init__(self, settings: StoreSettings, clock: Clock) -> None:
        self.folder = settings.folder
        self.database = database = Database(settings, clock)
        self.spool = spool = Spool(settings.folder / "spool")
        images = ImageFiles(settings.images_url or str(settings.folder / "images"))
        self.drainer = drainer = Drainer(spool, database, images)
        self.captures = Captures(database, spool, images, drainer, settings)
        self.feedback = Feedback(database, drainer, settings.webhook_url)
        self.review = Review(database, drainer, self.feedback, settings.lease)
        self.reports = Reports(database, drainer, settings.reports_per_hour)
        self.refusals = Refusals(database)
        self.accounts = Accounts(database, settings)
        self.keys = ApiKeys(database)
        self.jobs = Jobs(database)
        self.outbox = Outbox(database, settings.webhook_attempts)
        self.deployments = Deployments(database)
        self.loops = Loops(database)
        self.audit = AuditLog(database)
        self.audits = Audits(database)
        self.history = History(database)
        self.retention = Retention(database, drainer, images, settings.idempotency)
        self.lineage = Lineage(database)
        self.labels = Labels(database)
        self.answers = KeptAnswers(database)
        self.labelled_images = LabelledImages(database)
        self.overview = Overview(database)
        self.outcomes = Outcomes(database)
        self.traffic = Traffic(database)
        self.windows = Windows(database, images)

    @classmethod
    def open(
        cls,
        settings: StoreSettings,
        *,
        clock: Clock = utc_now,
        drain: bool = True,
        patience: float | None = 0.0,
    ) -> Store:
        """Open the store, bring its tables up to date, and drain the spool on a thread.

        A database that is away does not prevent it: after ``patience`` seconds of asking, captures
        go to the spool, whatever needs the database raises `StoreUnavailable`, and the thread
        goes on asking. Without patience (None) that is an error at once. ``drain=False`` leaves
        the spool, and the asking, to whoever calls ``drainer.drain()``. Raises `ConfigError` for a
        wrong URL, `StorageError` for tables that a newer release has made.
        """
        settings.folder.mkdir(parents=True, exist_ok=True)
        store = cls(settings, clock)
        try:
            store._find_database(patience)
        except StorageError:
            store.close()
            raise
        if drain:
            store.drainer.start()
        return store

    def check(self) -> None:
        """Raise `StoreUnavailable` while the database does not answer, for a health check."""
        self.database.check()

    def is_ready(self) -> bool:
        """Whether `check` passes: all methods work, not only those that need the spool alone."""
        try:
            self.check()
        except StoreUnavailable:
            return False
        return True

    def close(self) -> None:
        """Stop draining and let go of the database; what is spooled waits for the next start."""
        self.drainer.stop()
        self.database.close()

    def _find_database(self, patience: float | None) -> None:
        if patience is None:
            self.database.prepare()
            return
        until = time.monotonic() + patience
        while True:
            try:
                self.database.prepare()
            except StoreUnavailable as error:
                if time.monotonic() >= until:
                    logger.warning("open without a database, captures are spooled: %s", error)
                    return
                time.sleep(_PAUSE)
            else:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
