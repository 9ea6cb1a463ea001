"""Counting models: from a stream of ids to n-gram counts, smoothed probabilities and files."""
