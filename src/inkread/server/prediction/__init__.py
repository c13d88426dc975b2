"""The service that reads pages."""
