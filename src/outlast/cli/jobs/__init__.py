"""`outlast jobs`, and the account of jobs at the end of a run.

commands    list, show, logs, wait: options and what is said
ending      cancel and prune: the commands that end or remove something
asking      the options they share, and JSON
seen        what the ledger knows and what a host says become one picture of a job
hosts       which hosts are meant
reach       how the place of a job is entered
finding     which jobs are meant, and where they are
doing       following, waiting for, cancelling and clearing away
account     what a run has started, and what of it nobody was told the end of
known       how the tasks of a run ask for its jobs
closing     what becomes of those on the account when the run ends
hook        who is told of each end
hook_ways   by a command, or by a URL
printing    a job's output on stdout
"""
