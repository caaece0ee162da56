"""From a command line to running trials: choose, plan, run, show."""
