"""Model versions: log, register, promote, roll back (MLflow)."""
