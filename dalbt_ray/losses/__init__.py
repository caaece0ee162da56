"""Training objectives: cross-entropy, Barlow Twins, and the two together."""
