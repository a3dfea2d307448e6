"""Images from many strangers' servers: politely, checked, once, and going on after a kill.

downloads = Downloads(folder, Storage(url))
for outcome in downloads.fetch(wanted, DownloadSettings()): ...
"""

from assay.downloading.downloads import Downloads
from assay.downloading.outcomes import (
    Downloaded,
    DownloadSettings,
    Lie,
    NotDownloaded,
    Refusal,
    Wanted,
)

__all__ = [
    "DownloadSettings",
    "Downloaded",
    "Downloads",
    "Lie",
    "NotDownloaded",
    "Refusal",
    "Wanted",
]
