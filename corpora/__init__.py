"""The catalogue of corpora: well-known texts by name, and a source whose entropy is known."""
