"""Output of `lmkit zipf`: tables, a terminal plot and a figure."""
