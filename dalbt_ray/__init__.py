"""Deep Active Learning Using Barlow Twins (DALBT), as an experiment-sweep system on Ray."""
