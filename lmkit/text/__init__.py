"""Text to ids: corpora, normalisers, units, vocabularies and encodings."""
