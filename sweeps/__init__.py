"""Studies: one short file each, a question and a list of trials."""
