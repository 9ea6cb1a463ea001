"""What several tests of texts share."""

from __future__ import annotations

from lmkit.text.corpus import Corpus


def sizes_of(parts: list[str], **rules: str) -> list[list[int]]:
    """Return the bytes, characters and sentence ends of documents, canonical one by one."""
    found = []
    for part in parts:
        canonical = Corpus.from_string(part, **rules).train.canonical()
        if rules["sentences"] == "none" and found and canonical:
            canonical = " " + canonical
        if canonical:
            found.append([len(canonical.encode()), len(canonical), canonical.count("\n")])
    return found
