"""Pruning by relative entropy: fewer n-grams for the least loss.

Stolcke, "Entropy-based pruning of backoff language models" (1998): an n-gram hw is worth what the
model's perplexity would rise if it alone were left out and the backoff weight of h made good for
it. That rise has a closed form; it is worked out for every n-gram of the whole model, and those
below a threshold go. What begins or ends an n-gram that stays, its words without the last or
without the first, stays too: the former is its context; the latter costs little, and KenLM does
not load files in which it is often missing. Then all backoff weights are worked out anew, shortest
contexts first, so that each distribution sums to one.

The rise is weighed by how probable the context is. The model itself is asked for that, but
Kneser-Ney's lower orders are no frequencies of words: they say how many contexts a word completes.
Entropy pruning harms such a model more than others (Chelba, Brants, Neveitt & Xu 2010), and it
helps to take the probabilities of contexts from another model of the same text: `history`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, VocabularyError
from lmkit.kernels import pruning as kernels
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.masses import (
    explicit_sums,
    kernel_arrays,
    normalizing_backoffs,
)
from lmkit.models.ngram.standalone import StandaloneBackoff, backoff_form
from lmkit.models.ngram.tables import BackoffTables, FloatArray
from lmkit.models.ngram.trie import ROOT, Trie
from lmkit.parallel import pieces, run_all
from lmkit.results.proper import improper
from lmkit.text.vocabulary import EOS_ID

_Sums = tuple[FloatArray, FloatArray]
_NGRAM_BYTES = 16  # in a model file: word and suffix, 4 each, and the log-probability
_CONTEXT_BYTES = _NGRAM_BYTES + 12  # and the first child, and the backoff weight
_HEADER_BYTES = 4096  # of which a pruned model's header takes less than half


def prune(
    model: LanguageModel,
    *,
    threshold: float | None = None,
    ngrams: int | None = None,
    size: int | None = None,
    keep: Iterable[Sequence[str]] = (),
    history: LanguageModel | None = None,
) -> StandaloneBackoff:
    """Return the model without the n-grams that matter least.

    Args:
        model: any backoff model, fitted or read from a file.
        threshold: n-grams go that raise the perplexity by a smaller share than this, each alone;
            1e-8 is little, 1e-6 is much.
        ngrams: how many n-grams of all orders may stay, in place of a threshold; the unigrams,
            ``<s>`` among them, always do.
        size: how many bytes the model's file may take, in place of either.
        keep: n-grams that stay, with all that is within them, each a sequence of tokens; those
            that the model does not hold are passed over.
        history: a backoff model of the same vocabulary that says how probable contexts are; by
            default the model itself.

    Raises ParameterError for a model without a backoff form or without probabilities, for none or
    several of `threshold`, `ngrams` and `size`, and for a number that cannot be reached;
    VocabularyError for a history model of other words.
    """
    if [threshold, ngrams, size].count(None) != 2:
        raise ParameterError("give a threshold, a number of n-grams or a size, one of the three")
    form = backoff_form(model)
    for each in (form, history):
        if each is not None and (why := improper(each)):
            raise ParameterError(f"{why}; pruning weighs probabilities, so take one that is")
    costs = pruning_costs(form.tables_, _history_tables(form, history))
    costs[_nodes_of(form, keep)] = np.inf
    kernels.raise_within(form.tables_.trie.first, form.tables_.trie.suffix, costs)
    if size is not None:
        cut, to = _threshold_of_size(form, costs, size), f"{size} bytes"
    elif ngrams is not None:
        cut, to = _threshold_of_ngrams(form.tables_.trie, costs, ngrams), f"{ngrams} n-grams"
    else:
        cut = _checked_threshold(threshold)
        to = f"{cut:.3g}"
    tables = without(form.tables_, costs >= cut)
    by = "" if history is None else f" by {history.spec}"
    named = (form.source, form.sha256) if isinstance(form, StandaloneBackoff) else (form.spec, "")
    return StandaloneBackoff.of(
        tables,
        form.vocabulary_,
        source=f"{named[0]} pruned to {to}{by}",
        sha256=named[1],
        unit=form.unit,
        normalize=form.normalize_,
        sentences=form.sentences_,
        context=form.context,
        unk=form.unk,
        train_sha256=form.train_sha256_,
        train_passages=form.train_passages_,
        valid_passages=form.valid_passages_,
        dropped=form.dropped_,
    )


def pruning_costs(tables: BackoffTables, history: BackoffTables | None = None) -> FloatArray:
    """Return the share by which the perplexity rises if one n-gram alone is left out.

    (N,) float64, e^D - 1 with D as in Stolcke (1998), section 3; infinite for the root and the
    unigrams, which cannot be left out. `history` gives the probabilities of contexts.
    """
    trie = tables.trie
    source = history or tables
    begins = _context_log_probs(trie, source)
    costs = np.full(len(tables.log_probs), np.inf)
    model = kernel_arrays(tables)
    for order in range(1, trie.order):
        both = explicit_sums(tables, order)
        first = trie.span(order).start

        def work(where: slice, first: int = first, sums: _Sums = both) -> None:
            here = slice(where.start - first, where.stop - first)
            probs = np.exp(begins[where])
            inside_below = (sums[0][here], sums[1][here])
            kernels.pruning_costs(where, model, inside_below, probs, costs)

        run_all(work, pieces(trie.span(order)))
    return costs


def without(tables: BackoffTables, keep: NDArray[np.bool_]) -> BackoffTables:
    """Return the tables of the n-grams to keep, with backoff weights that make sums of one.

    `keep` is (N,) and must hold the root, all unigrams, and the prefix of whatever it holds.
    Contexts for which nothing changes keep their weights to the last bit; orders of which nothing
    is left are dropped.
    """
    trie, nodes = tables.trie.kept(keep)
    backoffs = tables.backoffs[nodes[: trie.contexts]].copy()
    result = BackoffTables(trie, tables.log_probs[nodes], backoffs, tables.ranking)
    for order in range(1, trie.order):
        span = trie.span(order)
        old = nodes[span] - tables.trie.starts[order]
        before = explicit_sums(tables, order)
        inside, below = explicit_sums(result, order)
        changed = (inside != before[0][old]) | (below != before[1][old])
        # The tables hold a view of the backoffs: longer contexts see what is written here.
        backoffs[span] = np.where(changed, normalizing_backoffs(inside, below), backoffs[span])
    return _without_empty_orders(result)


def read_ngrams(lines: Iterable[str], unit: str) -> list[list[str]]:
    """Return the n-grams of a keep-list, one a line: words, or for other units their symbols."""
    stripped = (line.strip("\r\n") for line in lines)
    return [line.split() if unit == "word" else list(line) for line in stripped if line.strip()]


# ---------------------------------------------------------------------- what to keep


def _history_tables(form: BackoffModel, history: LanguageModel | None) -> BackoffTables | None:
    if history is None:
        return None
    other = backoff_form(history)
    if other.vocabulary_.tokens != form.vocabulary_.tokens:
        raise VocabularyError(
            f"{other.spec} has not the vocabulary of {form.spec}; fit both on one text, in one unit"
        )
    return other.tables_


def _nodes_of(form: BackoffModel, ngrams: Iterable[Sequence[str]]) -> list[int]:
    """Return the nodes of n-grams given as tokens, as far as the model holds them."""
    vocabulary = form.vocabulary_
    special = {"<s>": vocabulary.bos_id, "<unk>": vocabulary.unk_id}
    found = []
    for ngram in ngrams:
        known = all(token in vocabulary or token in special for token in ngram)
        ids = [special.get(token, vocabulary.id(token)) for token in ngram]
        node = form.tables_.trie.find(ids) if known and ids else -1
        if node > ROOT:
            found.append(node)
    return found


def _checked_threshold(threshold: float | None) -> float:
    if threshold is None or not 0 <= threshold < np.inf:
        raise ParameterError(f"threshold={threshold} must be a number of 0 or more")
    return float(threshold)


def _threshold_of_ngrams(trie: Trie, costs: FloatArray, ngrams: int) -> float:
    """Return the cost from which on n-grams stay, so that there are `ngrams` at most."""
    first = int(trie.starts[2])
    prunable = costs[first:]
    wanted = ngrams - (first - 1)
    fixed = int(np.isinf(prunable).sum())
    if wanted < fixed:
        raise ParameterError(
            f"ngrams={ngrams:,} cannot be reached: {first - 1 + fixed:,} n-grams must stay, "
            f"{first - 1:,} of them unigrams"
        )
    if wanted >= len(prunable):
        return 0.0
    # The dearest that must go; what costs the same goes with it.
    dearest = np.partition(prunable, len(prunable) - wanted - 1)[len(prunable) - wanted - 1]
    return float(np.nextafter(dearest, np.inf))


def _threshold_of_size(form: BackoffModel, costs: FloatArray, size: int) -> float:
    """Return the cost from which on n-grams stay, so that the file takes `size` bytes at most."""
    trie = form.tables_.trie
    first = int(trie.starts[2])
    prunable = costs[first:]
    each = np.full(len(prunable), _CONTEXT_BYTES, np.int64)
    each[max(int(trie.starts[trie.order]) - first, 0) :] = _NGRAM_BYTES
    dearest_first = np.argsort(-prunable, kind="stable")
    taken = _fixed_bytes(form) + np.cumsum(each[dearest_first])
    stay = int(np.searchsorted(taken, size, side="right"))
    fixed = int(np.isinf(prunable).sum())
    least = int(taken[fixed - 1]) if fixed else _fixed_bytes(form)
    if size < least:
        raise ParameterError(
            f"size={size:,} cannot be reached: words and what must stay take {least:,} bytes"
        )
    if stay == len(prunable):
        return 0.0
    return float(np.nextafter(prunable[dearest_first[stay]], np.inf))


def _fixed_bytes(form: BackoffModel) -> int:
    """Return the bytes that a model's file takes, at most, with its unigrams alone."""
    kept = [form.vocabulary_, form.dropped_]
    words = sum(a.nbytes for each in kept if each is not None for a in each.to_arrays().values())
    trie = form.tables_.trie
    ranking = form.tables_.ranking.nbytes
    unigrams = int(trie.starts[2]) * _CONTEXT_BYTES
    return words + ranking + unigrams + trie.starts.nbytes + _HEADER_BYTES + len(form.spec)


def _context_log_probs(trie: Trie, source: BackoffTables) -> FloatArray:
    """Return the log-probability of each context's words under a model: (C,) float64.

    ``<s>`` is as probable as ``</s>``.
    """
    result = np.zeros(trie.contexts)
    states = np.zeros(trie.contexts, np.int32)
    other = source.trie
    model = (source.log_probs, source.backoffs, other.first, other.suffix, other.words)
    for order in range(1, trie.order):
        span, parents = trie.span(order), trie.parents(order)

        def work(where: slice, span: slice = span, parents: NDArray[np.int32] = parents) -> None:
            inside = parents[where.start - span.start : where.stop - span.start]
            kernels.follow(where, inside, trie.words, model, states, result)

        run_all(work, pieces(span))
        if order == 1:
            result[span.stop - 1] = source.log_probs[1 + EOS_ID]
    return result


def _without_empty_orders(tables: BackoffTables) -> BackoffTables:
    trie, order = tables.trie, tables.order
    while order > 1 and trie.size(order) == 0:
        order -= 1
    if order == trie.order:
        return tables
    size = int(trie.starts[order + 1])
    contexts = int(trie.starts[order])
    shorter = Trie(
        trie.starts[: order + 2], trie.words[:size], trie.first[: contexts + 1], trie.suffix[:size]
    )
    return BackoffTables(
        shorter, tables.log_probs[:size], tables.backoffs[:contexts], tables.ranking
    )
