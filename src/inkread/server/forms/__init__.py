"""Forms in the service: templates with owners and versions, batches of sheets, and doubtful fields that people key."""
