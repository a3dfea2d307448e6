"""Tables (Arrow or pandas) as one Parquet file."""

import io
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from zenml.enums import ArtifactType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.metadata.metadata_types import MetadataType

_FILE = "table.parquet"


class TableMaterializer(BaseMaterializer):
    """Stores a `pyarrow.Table` or a `pandas.DataFrame`."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (pa.Table, pd.DataFrame)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> pa.Table | pd.DataFrame:
        """Read the table as the type that is asked for."""
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "rb") as stream:
            table = pq.read_table(io.BytesIO(stream.read()))
        return table if data_type is pa.Table else table.to_pandas()

    def save(self, data: pa.Table | pd.DataFrame) -> None:
        """Write one Parquet file."""
        table = data if isinstance(data, pa.Table) else pa.Table.from_pandas(data)
        with self.artifact_store.open(f"{self.uri}/{_FILE}", "wb") as stream:
            pq.write_table(table, stream)

    def extract_metadata(self, data: pa.Table | pd.DataFrame) -> dict[str, MetadataType]:
        """Rows and column names."""
        columns = data.column_names if isinstance(data, pa.Table) else list(data.columns)
        return {"rows": len(data), "columns": columns}
