"""Zipf's law, vocabulary growth and lexical diversity, from the frequency spectrum of a text."""
