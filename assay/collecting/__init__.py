"""From platforms to the service: posts by their cursors, images checked, each handed in once.

What is collected is unlabelled: the service captures and scores it, people review it, and only
what they decided is learned from, as with any other traffic.
"""

from __future__ import annotations

from assay.collecting.records import Collection, Ending, Gathered
from assay.collecting.running import collect
from assay.collecting.settings import CollectSettings

__all__ = ["CollectSettings", "Collection", "Ending", "Gathered", "collect"]
