"""Step: what is new on platforms, handed in to the service."""

from typing import Annotated

from zenml import step

from assay import collecting, home
from assay.collecting import Collection, CollectSettings
from assay.progress import bar
from assay.reports import collection as report
from assay.reports.page import Page
from materializers.collection import CollectionMaterializer
from materializers.page import PageMaterializer

_STORED = {"collection": CollectionMaterializer, "collection_report": PageMaterializer}


@step(enable_cache=False, output_materializers=_STORED)
def collect_posts(
    settings: CollectSettings,
) -> tuple[Annotated[Collection, "collection"], Annotated[Page, "collection_report"]]:
    """What each collector came to, and a page about it."""
    with bar() as progress:
        found = collecting.collect(settings, home.folder("collect"), progress)
    return found, report.page(found)
