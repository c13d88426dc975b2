"""The jobs service, run twice: ingestion and training. A job is a durable workflow around one ``dvc repro``."""
