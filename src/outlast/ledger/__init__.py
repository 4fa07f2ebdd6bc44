"""What runs and jobs there were: one SQLite file per user, shared by all runs."""
