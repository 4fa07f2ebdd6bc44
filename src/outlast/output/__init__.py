"""What people and programs see of a run. Leaves deciding anything about it to everyone else."""
