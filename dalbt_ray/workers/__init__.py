"""The worker processes that train one trial together, and sums over them."""
