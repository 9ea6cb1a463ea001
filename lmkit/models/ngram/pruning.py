"""Pruning by relative entropy: fewer n-grams for the least loss.

Stolcke, "Entropy-based pruning of backoff language models" (1998): the cost of an n-gram hw is how
much the model's perplexity rises if it alone is left out and the backoff weight of h is adjusted.
That rise has a closed form; it is computed for every n-gram of the whole model, and n-grams below a
threshold are removed. An n-gram that is left keeps its prefix, which is its context, and its
suffix, because KenLM does not load files in which that is often missing. Then the backoff weights
are computed anew, shortest contexts first, so that each distribution sums to one.

The rise is weighted by the probability of the context. By default the model itself gives that, but
Kneser-Ney's lower orders are no frequencies of words: they are estimated from how many contexts a
word completes. Entropy pruning harms such a model more than others (Chelba, Brants, Neveitt & Xu
2010), and it helps to take the probabilities of contexts from another model of the same text:
`history`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError, VocabularyError
from lmkit.kernels import pruning as kernels
from lmkit.models.base import LanguageModel
from lmkit.models.ngram.backoff import BackoffModel, backoff_form
from lmkit.models.ngram.masses import (
    decimals,
    explicit_sums,
    kernel_arrays,
    normalized,
    normalizing_backoffs,
    rounding_error,
)
from lmkit.models.ngram.standalone import StandaloneBackoff
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import ROOT, Trie
from lmkit.parallel import pieces, run_all
from lmkit.results.proper import improper
from lmkit.text.vocabulary import BOS, EOS_ID, SPACES, UNK, split_words
from lmkit.types import FloatArray

_NGRAM_BYTES = 16  # in a model file: word and suffix, 4 each, and the log-probability, 8
_CONTEXT_BYTES = _NGRAM_BYTES + 12  # and the first child, 4, and the backoff weight, 8
_MOST_ROUNDED = 0.01  # how far from 1 sums may be by rounding: beyond, the model is another one
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
        threshold: removes each n-gram whose removal alone raises the perplexity by a smaller share
            than this; 1e-8 is little, 1e-6 is much.
        ngrams: the number of n-grams of all orders to keep at most, in place of a threshold; the
            unigrams, ``<s>`` among them, are always kept.
        size: the number of bytes of the model's file at most, in place of either.
        keep: n-grams to keep, with all n-grams within them, each a sequence of tokens; those
            that are not in the model are ignored.
        history: a backoff model of the same vocabulary that gives the probabilities of contexts; by
            default the model itself.

    Where the outcomes of a model sum to one only but for the few decimals of its file, each
    distribution is divided by its sum first (see `rounded`).

    Raises ParameterError for a model without a backoff form or without probabilities, for none or
    several of `threshold`, `ngrams` and `size`, and for a number that cannot be reached;
    VocabularyError for a history model of other words.
    """
    if [threshold, ngrams, size].count(None) != 2:
        raise ParameterError("give a threshold, a number of n-grams or a size, one of the three")
    form = backoff_form(model)
    _check_probabilities(form, history)
    original = form.tables_
    if rounded(form):
        original = normalized(original, context=form.context)
    costs = pruning_costs(original, _history_tables(form, history))
    costs[[node for node in find_ngrams(form, keep) if node > ROOT]] = np.inf
    kernels.raise_within(form.tables_.trie.first, form.tables_.trie.suffix, costs)
    lowest, to = _lowest_cost(form, costs, threshold, ngrams, size)
    tables = pruned_tables(original, costs >= lowest)
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


def _check_probabilities(*models: LanguageModel | None) -> None:
    """Raise ParameterError for a model whose outcomes do not sum to one, rounding aside."""
    for model in models:
        if model is not None and not rounded(model) and (why := improper(model)):
            raise ParameterError(f"{why}; pruning weighs probabilities, so take one that is")


def rounded(model: LanguageModel) -> tuple[int, float] | None:
    """Return the decimals of a file's numbers if they explain why its outcomes do not sum to one.

    And by how much they do not. None where the outcomes do sum to one, and where they are further
    from it than rounding to that many decimals makes them, or than 0.01.
    """
    if not isinstance(model, StandaloneBackoff) or model.proper:
        return None
    explained = min(rounding_error(model.tables_), _MOST_ROUNDED)
    count = decimals(model.tables_)
    return None if count is None or model.mass_error_ > explained else (count, model.mass_error_)


def pruning_costs(tables: BackoffTables, history: BackoffTables | None = None) -> FloatArray:
    """Return the share by which the perplexity rises if one n-gram alone is left out.

    (N,) float64, e^D - 1 with D as in Stolcke (1998), section 3; infinite for the root and the
    unigrams, which cannot be left out. `history` gives the probabilities of contexts.
    """
    trie = tables.trie
    context_log_probs = _context_log_probs(trie, history or tables)
    costs = np.full(len(tables.log_probs), np.inf)
    model = kernel_arrays(tables)
    for order in range(1, trie.order):
        explicit, lower = explicit_sums(tables, order)
        first = trie.span(order).start

        def work(
            contexts: slice,
            first: int = first,
            explicit: FloatArray = explicit,
            lower: FloatArray = lower,
        ) -> None:
            part = slice(contexts.start - first, contexts.stop - first)
            probs = np.exp(context_log_probs[contexts])
            kernels.pruning_costs(contexts, model, (explicit[part], lower[part]), probs, costs)

        run_all(work, pieces(trie.span(order)))
    return costs


def pruned_tables(tables: BackoffTables, keep: NDArray[np.bool_]) -> BackoffTables:
    """Return the tables of the n-grams to keep, with backoff weights that make sums of one.

    `keep` is (N,) and must include the root, all unigrams, and the prefix of each n-gram in it.
    Contexts for which nothing changes keep their weights to the last bit; orders of which no n-gram
    is left are dropped.
    """
    trie, nodes = tables.trie.subset(keep)
    backoffs = tables.backoffs[nodes[: trie.contexts]].copy()
    result = BackoffTables(trie, tables.log_probs[nodes], backoffs, tables.ranking)
    for order in range(1, trie.order):
        span = trie.span(order)
        old = nodes[span] - tables.trie.starts[order]
        old_explicit, old_lower = explicit_sums(tables, order)
        explicit, lower = explicit_sums(result, order)
        changed = (explicit != old_explicit[old]) | (lower != old_lower[old])
        # The tables hold a view of the backoffs: the next orders see what is written here.
        backoffs[span] = np.where(changed, normalizing_backoffs(explicit, lower), backoffs[span])
    return result.without_empty_orders()


def read_ngrams(lines: Iterable[str], unit: str) -> list[list[str]]:
    """Return the n-grams of a keep-list, one a line: words, or characters for other units."""
    stripped = (line.strip("\r\n") for line in lines)
    split = split_words if unit == "word" else list
    return [split(line) for line in stripped if line.strip(SPACES)]


# ---------------------------------------------------------------------- what to prune


def _history_tables(form: BackoffModel, history: LanguageModel | None) -> BackoffTables | None:
    if history is None:
        return None
    other = backoff_form(history)
    if other.vocabulary_.tokens != form.vocabulary_.tokens:
        raise VocabularyError(
            f"{other.spec} has not the vocabulary of {form.spec}; fit both on one text, in one unit"
        )
    return other.tables_


def find_ngrams(form: BackoffModel, ngrams: Iterable[Sequence[str]]) -> list[int]:
    """Return the node of each n-gram given as tokens, -1 for one that is not in the model."""
    vocabulary = form.vocabulary_
    special = {BOS: vocabulary.bos_id, UNK: vocabulary.unk_id}
    nodes = []
    for ngram in ngrams:
        known = all(token in vocabulary or token in special for token in ngram)
        ids = [special.get(token, vocabulary.id(token)) for token in ngram]
        nodes.append(form.tables_.trie.find(ids) if known and ids else -1)
    return nodes


def _lowest_cost(
    form: BackoffModel,
    costs: FloatArray,
    threshold: float | None,
    ngrams: int | None,
    size: int | None,
) -> tuple[float, str]:
    """Return the lowest cost of an n-gram to keep, and the target as a model's source names it."""
    if size is not None:
        return _threshold_of_size(form, costs, size), f"{size} bytes"
    if ngrams is not None:
        return _threshold_of_ngrams(form.tables_.trie, costs, ngrams), f"{ngrams} n-grams"
    if threshold is None or not 0 <= threshold < np.inf:
        raise ParameterError(f"threshold={threshold} must be a number of 0 or more")
    return float(threshold), f"{float(threshold):.3g}"


def _threshold_of_ngrams(trie: Trie, costs: FloatArray, ngrams: int) -> float:
    """Return the lowest cost of an n-gram to keep, so that at most `ngrams` are kept."""
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
    # The highest cost that must be removed; n-grams of equal cost are removed too.
    index = len(prunable) - wanted - 1
    return float(np.nextafter(np.partition(prunable, index)[index], np.inf))


def _threshold_of_size(form: BackoffModel, costs: FloatArray, size: int) -> float:
    """Return the lowest cost of an n-gram to keep, so that the file takes at most `size` bytes."""
    trie = form.tables_.trie
    first = int(trie.starts[2])
    prunable = costs[first:]
    own_bytes = np.full(len(prunable), _CONTEXT_BYTES, np.int64)
    own_bytes[max(int(trie.starts[trie.order]) - first, 0) :] = _NGRAM_BYTES
    by_cost = np.argsort(-prunable, kind="stable")  # descending
    total_bytes = _fixed_bytes(form) + np.cumsum(own_bytes[by_cost])
    kept = int(np.searchsorted(total_bytes, size, side="right"))
    fixed = int(np.isinf(prunable).sum())
    least = int(total_bytes[fixed - 1]) if fixed else _fixed_bytes(form)
    if size < least:
        raise ParameterError(
            f"size={size:,} cannot be reached: words and what must stay take {least:,} bytes"
        )
    if kept == len(prunable):
        return 0.0
    return float(np.nextafter(prunable[by_cost[kept]], np.inf))


def _fixed_bytes(form: BackoffModel) -> int:
    """Return an upper bound of the bytes of a model's file with its unigrams alone."""
    lists = [form.vocabulary_, form.dropped_]
    words = sum(a.nbytes for each in lists if each is not None for a in each.to_arrays().values())
    trie = form.tables_.trie
    ranking = form.tables_.ranking.nbytes
    unigrams = int(trie.starts[2]) * _CONTEXT_BYTES
    return words + ranking + unigrams + trie.starts.nbytes + _HEADER_BYTES + len(form.spec)


def _context_log_probs(trie: Trie, source: BackoffTables) -> FloatArray:
    """Return the log-probability of each context's words under a model: (C,) float64.

    ``<s>`` gets the probability of ``</s>``.
    """
    result = np.zeros(trie.contexts)
    states = np.zeros(trie.contexts, np.int32)
    other = source.trie
    model = (source.log_probs, source.backoffs, other.first, other.suffix, other.words)
    for order in range(1, trie.order):
        span, parents = trie.span(order), trie.parents(order)

        def work(nodes: slice, span: slice = span, parents: NDArray[np.int32] = parents) -> None:
            own_parents = parents[nodes.start - span.start : nodes.stop - span.start]
            kernels.follow(nodes, own_parents, trie.words, model, states, result)

        run_all(work, pieces(span))
        if order == 1:
            result[span.stop - 1] = source.log_probs[1 + EOS_ID]
    return result
