from __future__ import annotations

from assay.evaluation import Evaluation, Slice
from assay.images import Variant
from assay.metrics import Metric
from assay.reports import localisation


def part(by: str, name: str, kind: Variant = Variant.BIAS_CONTROLLED, **values: float) -> Slice:
    pixels = {metric: Metric(value, 0.1, 0.9, 7) for metric, value in values.items()}
    return Slice(kind, by, name, 40, 20, 30, {}, None, pixels)


def test_table_has_a_row_for_each_part_with_something_to_locate() -> None:
    parts = (
        part("manipulation", "splice", pixel_f1=0.25, pixel_auc=0.75, suspicious_area=0.5),
        part("manipulation", "splice", Variant.AS_IS, pixel_f1=0.125),
        part("source", "folder", pixel_f1=0.25),
        part("dataset", "clean", suspicious_area=0.5),
        part("dataset", "old"),
    )
    columns, rows = localisation.table(Evaluation(0.5, parts))
    shown = "0.250 (0.100-0.900)", "-", "0.750 (0.100-0.900)", "0.500 (0.100-0.900)"
    assert rows == [
        ("manipulation", "splice", *shown, "7"),
        ("dataset", "clean", "-", "-", "-", shown[3], "0"),
    ]
    assert {len(row) for row in rows} == {len(columns)}
