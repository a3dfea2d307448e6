"""What the service and its moderators leave behind: captures, decisions, accounts, jobs, audit.

``Store.open(StoreSettings.from_environment())`` opens all of it; see `Store` for its parts. It is
imported by what serves and by its commands only, as SQLAlchemy takes a third of a second.
"""

from assay.store.accounts import Account, Role
from assay.store.api_keys import ApiKey, Scope
from assay.store.capture import Capture, Known, Notice, Rescored, Selection, Sibling
from assay.store.captures import CaptureFilter
from assay.store.deployments import Deployment
from assay.store.feedback import Decision, HumanLabel, Vote
from assay.store.history import HistoryFilter, HistoryRow
from assay.store.jobs import Job, JobItem, JobState, Result
from assay.store.labelled_images import LabelledCapture, LabelledImage, StandingVote
from assay.store.lineage import LearnedCapture, LineageMark, TrainedModel
from assay.store.refusals import Refusal
from assay.store.review import Case
from assay.store.settings import StoreSettings
from assay.store.store import Store

__all__ = [
    "Account",
    "ApiKey",
    "Capture",
    "CaptureFilter",
    "Case",
    "Decision",
    "Deployment",
    "HistoryFilter",
    "HistoryRow",
    "HumanLabel",
    "Job",
    "JobItem",
    "JobState",
    "Known",
    "LabelledCapture",
    "LabelledImage",
    "LearnedCapture",
    "LineageMark",
    "Notice",
    "Refusal",
    "Rescored",
    "Result",
    "Role",
    "Scope",
    "Selection",
    "Sibling",
    "StandingVote",
    "Store",
    "StoreSettings",
    "TrainedModel",
    "Vote",
]
