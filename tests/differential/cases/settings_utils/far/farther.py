"""What lies in a folder that only a setting names."""

WORD = "found"
