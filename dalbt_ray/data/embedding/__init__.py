"""Images as feature vectors of a frozen model: computed once, kept beside the data, shared by all trials."""
