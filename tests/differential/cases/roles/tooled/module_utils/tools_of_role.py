word = "from the role"
