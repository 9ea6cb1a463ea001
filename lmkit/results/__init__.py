"""What scoring returns: ledgers, tallies and the metrics of both. Knows no model."""
