"""What a save consists of: two files, a tree in JSON, and a schema for each class."""
