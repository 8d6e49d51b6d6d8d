"""Where a membrane is at rest, and whether that is stable."""
