"""The command line: argv in, exit code out. `compose` is the only place where rooms are wired."""
