"""What a comparison shows, in a line each: read off its numbers, never assumed."""

from __future__ import annotations

from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.ledger import SurprisalLedger


def findings(comparison: Comparison) -> list[str]:
    """Return sentences about what the ranking shows, and how far it can be trusted."""
    by_name = {ledger.model: ledger for ledger in comparison.ledgers}
    found = [
        _sparse_trigram(by_name),
        _impossible(comparison),
    ]
    return [line for line in found if line]


def _sparse_trigram(by_name: dict[str, SurprisalLedger]) -> str:
    bigram, trigram = by_name.get("bigram"), by_name.get("trigram")
    if bigram is None or trigram is None or trigram.bits_per_byte <= bigram.bits_per_byte:
        return ""
    line = (
        f"The add-one trigram loses to the bigram ({trigram.perplexity:,.0f} against "
        f"{bigram.perplexity:,.0f}): most two-word contexts are rare, and one added to each of "
        f"{trigram.vocabulary_size:,} outcomes drowns their few counts."
    )
    lidstone = [
        ledger
        for name, ledger in by_name.items()
        if name.startswith("trigram:") and "alpha" in name
    ]
    if lidstone and lidstone[0].perplexity < trigram.perplexity:
        alpha = lidstone[0].model.partition("alpha=")[2].partition(",")[0]
        line += f" Adding {alpha} instead brings it to {lidstone[0].perplexity:,.0f}."
    return line


def _impossible(comparison: Comparison) -> str:
    broken = [ledger for ledger in comparison.ledgers if ledger.impossible]
    if not broken:
        return ""
    worst = broken[-1]
    return (
        f"{worst.model} gives {worst.impossible:,} of {worst.events:,} events probability 0, and "
        "so has an infinite perplexity: it needs smoothing."
    )
