"""ARPA files: their names, their numbers and lines, reading and writing them."""
