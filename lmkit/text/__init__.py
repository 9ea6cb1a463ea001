"""From text to ids: sources, normalisers, corpora, units, vocabularies and encodings."""
