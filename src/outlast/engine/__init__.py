"""When work happens: plays, batches, blocks, tasks, loops, retries, handlers, verdicts."""
