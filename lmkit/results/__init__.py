"""What scoring returns: the ledger, the tally, and what both can tell. Knows no model."""
