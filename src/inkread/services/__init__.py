"""The web services: gateway, ingestion, training, prediction."""
