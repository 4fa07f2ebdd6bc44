"""Which value a name has, for which host, at which moment."""
