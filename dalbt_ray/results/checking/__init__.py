"""What `dalbt verify` looks at, one kind of file a module, and what becomes of what it finds."""
