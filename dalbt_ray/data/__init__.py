"""Image sets: our Parquet form, where sets come from, splits, mixed pools and augmented views."""
