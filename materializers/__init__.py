"""How artifacts are stored: Parquet, safetensors directories, JSON; never pickle."""
