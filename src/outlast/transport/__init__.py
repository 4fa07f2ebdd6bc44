"""How a host is reached: one live session per host."""
