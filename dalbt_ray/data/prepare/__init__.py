"""Bring images into our Parquet form: known sets by name, and folders of a user's own."""
