"""Templates and conditions evaluated, with stock's semantics."""
