"""What a task means when it is more than a module."""
