"""What an agent does about background jobs: it starts, shows, awaits, ends and forgets them.

Each job has a supervisor of its own, of which `supervision` knows; the agent may go, and another
finds the jobs again in the spool.
"""
