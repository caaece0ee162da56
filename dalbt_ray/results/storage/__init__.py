"""Where results are kept: a disk or an object store, one driver at a time, commits that survive any crash."""
