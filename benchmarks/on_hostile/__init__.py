"""Input that was made to harm whoever reads it."""
