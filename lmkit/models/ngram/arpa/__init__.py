"""ARPA files: their names, reading and writing them, and models of them."""
