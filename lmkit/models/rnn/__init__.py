"""Recurrent language models: cells, network, batches, training, scoring."""
