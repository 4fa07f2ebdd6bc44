"""How a run looks."""
