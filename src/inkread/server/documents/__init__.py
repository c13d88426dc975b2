"""Documents that users keep: stored, read page by page as durable work, corrected, shared, searched."""
