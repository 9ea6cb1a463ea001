"""Findings: sentences about a comparison, each derived from its numbers."""

from __future__ import annotations

import math

import numpy as np

from lmkit.evaluation.comparison import Comparison
from lmkit.evaluation.leakage import leakage_remarks
from lmkit.evaluation.measuring import scope_remark
from lmkit.evaluation.pairs import Pair
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.proper import zero_probability


def findings(comparison: Comparison) -> list[str]:
    """Return sentences about what the ranking shows, and how far it can be trusted."""
    lines = [
        _sparse_trigram(comparison),
        _impossible(comparison),
        _unspelled(comparison),
        _easy_unknown(comparison),
        _unknown_alone(comparison),
        _overlapping(comparison),
        _tied(comparison),
        scope_remark(comparison.models[0]),
        _adapting(comparison),
    ]
    leaking = leakage_remarks(comparison.ledgers, comparison.labels)
    return [*leaking, *(line for line in lines if line)]


def _sparse_trigram(comparison: Comparison) -> str:
    by_name = {ledger.model: ledger for ledger in comparison.ledgers}
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


def _adapting(comparison: Comparison) -> str:
    adapting = [ledger for ledger in comparison.ledgers if ledger.adapts]
    if not adapting or len(adapting) == len(comparison.ledgers):
        return ""
    some = "some models learn" if len(adapting) > 1 else f"{adapting[0].model} learns"
    return (
        f"Caveat: {some} from the test text while scoring it (column `adapts`), and the others do "
        "not: what is ahead by that need not be the better model of other texts."
    )


def _impossible(comparison: Comparison) -> str:
    broken = [ledger for ledger in comparison.ledgers if ledger.impossible]
    return zero_probability(broken[-1]) if broken else ""


def _unspelled(comparison: Comparison) -> str:
    closed = [ledger for ledger in comparison.ledgers if not ledger.is_open]
    if not closed:
        return ""
    return (
        f"Caveat: {closed[0].oov_count:,} unknown words are not spelled, and bits a byte are too "
        "low; give the training text with --train."
    )


def _easy_unknown(comparison: Comparison) -> str:
    """Say where the closed vocabulary's perplexity puts another word model first."""
    words = [ledger for ledger in comparison.ledgers if ledger.unit == "word" and ledger.is_open]
    if len(words) < 2:
        return ""
    first, easy = words[0], min(words, key=lambda ledger: ledger.perplexity)
    if easy.oov_count <= first.oov_count:
        return ""
    return (
        f"By the perplexity of its closed vocabulary {easy.model} would be the best word model "
        f"({easy.perplexity:,.1f} against {first.perplexity:,.1f}), but it calls "
        f"{easy.oov_count:,} words unknown, {first.model} {first.oov_count:,}: with the unknown "
        "words spelled it falls behind."
    )


def _unknown_alone(comparison: Comparison) -> str:
    """Say where a lead comes from unknown words alone."""
    for pair in comparison.pairs:
        first, second = comparison.ledgers[pair.a], comparison.ledgers[pair.b]
        same = first.unit == second.unit and np.array_equal(first.oov, second.oov)
        if not pair.tied and same and first.perplexity_without_oov > second.perplexity_without_oov:
            return (
                f"Caveat: {comparison.labels[pair.a]} is ahead of {comparison.labels[pair.b]} by "
                f"the {first.oov_count:,} unknown words alone: {_unknown_gain(first, second)}. "
                f"On the known words it is behind (perplexity {first.perplexity_without_oov:,.1f} "
                f"against {second.perplexity_without_oov:,.1f})."
            )
    return ""


def _unknown_gain(first: SurprisalLedger, second: SurprisalLedger) -> str:
    """Return by what the first model is ahead on unknown words: their <unk>, or their spelling."""
    named = float((second.nats - first.nats)[first.oov].sum()) / math.log(2)
    spelled = 0.0
    if first.spelling is not None and second.spelling is not None:
        spelled = float((second.spelling - first.spelling)[first.oov].sum()) / math.log(2)
    parts = []
    if named > 0:
        parts.append(f"it finds <unk> more probable ({named:,.0f} bits in all)")
    if spelled > 0:
        parts.append(
            "its speller, learned from other words left out of the vocabulary, spells them in "
            f"{spelled:,.0f} bits fewer"
        )
    return ", and ".join(parts)


def _overlapping(comparison: Comparison) -> str:
    """Say where intervals overlap and the paired test decides all the same."""
    for pair in comparison.pairs:
        a, b = (comparison.models[rank].bits_per_byte for rank in (pair.a, pair.b))
        if not pair.tied and a.high > b.low:
            return (
                f"The intervals of {_names(comparison, pair)} overlap, and yet the first is "
                f"better (p {_p(pair.p_holm)}, Holm's correction made): block by block, the two "
                "are up and down together, and their difference is surer than either."
            )
    return ""


def _tied(comparison: Comparison) -> str:
    tied = [pair for pair in comparison.pairs if pair.tied]
    if not tied:
        return ""
    different = [pair for pair in tied if pair.p_value < 1]
    alike = [pair for pair in tied if pair.p_value == 1]
    if not different:  # the others were not tested: the sentence on the intervals says why
        return f"{_names(comparison, alike[0])} score alike." if alike else ""
    closest = different[0]
    line = f"{_names(comparison, closest)} are tied: this text cannot tell which is better"
    if math.isfinite(closest.more_text):
        line += (
            f"; if the difference is what it seems, about {closest.more_text:,.1f} times as much "
            "test text would"
        )
    return line + "."


def _names(comparison: Comparison, pair: Pair) -> str:
    return f"{comparison.labels[pair.a]} and {comparison.labels[pair.b]}"


def _p(value: float) -> str:
    return f"{value:.4f}" if value >= 0.0005 else "below 0.0005"
