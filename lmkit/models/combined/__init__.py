"""Models that hold other models: mixtures with caches, and dynamic evaluation."""
