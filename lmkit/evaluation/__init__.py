"""Log-probabilities to numbers: the ledger, the metrics and the comparison."""
