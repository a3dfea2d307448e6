"""Taking in what people labelled of a platform's traffic, guarded against mistakes and malice.

`assay.label_intake.collecting.collect` does it: votes are read from the store (never what a model
said), labellers who contradict everybody are set aside (`quarantine`), votes become labels or
conflicts (`deciding`), images find their place beside the older dataset, whose test split stays as
it is (`grouping`, `placing`), no party contributes more than its share (`caps`), and the newest
part is held out to judge on. The source ``captures`` reads what is written.
"""

from assay.label_intake.ledger import (
    Conflict,
    Dropped,
    Intake,
    IntakeSettings,
    LeftOut,
    Quarantined,
    Reason,
    Taken,
)

__all__ = [
    "Conflict",
    "Dropped",
    "Intake",
    "IntakeSettings",
    "LeftOut",
    "Quarantined",
    "Reason",
    "Taken",
]
