"""The processes that stay with the jobs when the agent has gone: lean, careful, alone.

They live for days with little memory: what they need early is imported when they are born, the
rest when their job has ended. Nothing of the agent is known here.
"""
