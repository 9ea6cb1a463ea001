"""`lmkit corpora`: the catalogue."""
