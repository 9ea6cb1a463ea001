"""What `lmkit zipf` shows: tables, a terminal plot, a figure."""
