"""Background jobs, as a run sees them."""
