"""What a task means when it is more than a module: files, facts, waiting, talking, jobs.

Every action takes a call and gives an outcome with its effects; it changes nothing itself.
Leaves order, retries and judgement to `engine`.
"""
