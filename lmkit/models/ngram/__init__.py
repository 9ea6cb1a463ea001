"""N-gram models: counts of a text's n-grams, smoothed probabilities, pruning and ARPA files."""
