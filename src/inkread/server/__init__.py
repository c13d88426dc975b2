"""The web services: gateway, ingestion, training, prediction, and what watches them."""
