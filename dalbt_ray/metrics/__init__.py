"""What is measured of predictions: one file per metric, one closed union of them all."""
