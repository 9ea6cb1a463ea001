"""Jelinek-Mercer smoothing: interpolation weights learned on held-out text."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lmkit.errors import ParameterError
from lmkit.kernels.hashing import NO_TABLE
from lmkit.kernels.scoring import look_up_all_orders
from lmkit.kernels.smoothing import expected_choices
from lmkit.models.ngram.backoff import BackoffModel
from lmkit.models.ngram.counts import NgramCounts
from lmkit.models.ngram.smoothing import base_distribution, interpolate
from lmkit.models.ngram.tables import BackoffTables
from lmkit.models.ngram.trie import read_only
from lmkit.text.vocabulary import EOS_ID
from lmkit.types import FloatArray, Ids

BUCKETS = 32  # of contexts by their counts, int32
ROUNDS = 200
TOLERANCE = 1e-7  # nats a token: a round that gains less is the last
PRIOR = 0.5  # pseudo-count of either choice, so that weights stay between 0 and 1


class Evidence(NamedTuple):
    """The estimates of each order for each held-out token.

    Attributes:
        frequencies: (T, n) float64, c(hw) / c(h).
        buckets: (T, n) int8, the bucket of c(h); 0 where h was never seen.
        floor: (T,) float64, the probability in the distribution below the unigrams.
    """

    frequencies: FloatArray
    buckets: NDArray[np.int8]
    floor: FloatArray


class JelinekMercer(BackoffModel):
    """Relative frequencies of all orders, with the mixture weights most likely on held-out text.

    ``p(w|h) = (1 - l(h)) c(hw) / c(h) + l(h) p(w|h')``, down to the uniform distribution (Jelinek
    & Mercer 1980; Chen & Goodman 1998, section 2.3). The weights l are shared by contexts of one
    order whose counts c(h) lie between the same powers of two, and are estimated by
    expectation-maximisation on the validation text, or, if there is none, on the last tenth of the
    training text, which is then held out.
    """

    name = "jelinek-mercer"
    needs_validation = True

    def _estimate(self, counts: NgramCounts, ids: Ids, valid_ids: Ids | None) -> BackoffTables:
        if valid_ids is None or len(valid_ids) == 0:
            raise ParameterError("jelinek-mercer needs a validation text; give one with tokens")
        trie = counts.trie
        base = base_distribution(trie.vocabulary_size, self.unk)
        eos = EOS_ID if self.context == "sentence" else -1
        evidence = gather(counts, valid_ids, base, eos=eos)
        weights = fit_weights(evidence)[0]

        def estimate(order: int, direct: FloatArray, own_weights: FloatArray) -> None:
            contexts = trie.span(order - 1)
            totals = counts.totals[contexts]
            own_weights[:] = weights[order - 1, bucket_of(totals)]
            children = np.diff(trie.first[contexts.start : contexts.stop + 1])
            direct[:] = np.repeat((1 - own_weights) / np.maximum(totals, 1), children)
            direct *= counts.counts[trie.span(order)]

        return interpolate(trie, estimate, unk=self.unk)


def bucket_of(totals: NDArray[np.int32]) -> NDArray[np.int8]:
    """Return the bucket of each count: 0 for 0, b for 2^(b-1) up to 2^b - 1.

    >>> bucket_of(np.array([0, 1, 2, 3, 4, 7, 8], np.int32))
    array([0, 1, 2, 2, 3, 3, 4], dtype=int8)
    """
    return np.frexp(totals.astype(np.float64))[1].astype(np.int8)


def gather(counts: NgramCounts, ids: Ids, base: FloatArray, *, eos: int) -> Evidence:
    """Return the estimates for a held-out text, without tokens of base probability 0.

    `base` is (V,), the distribution below the unigrams; `eos` the id after which the context is
    empty, -1 for none.
    """
    trie = counts.trie
    ngrams, contexts = look_up_all_orders(
        read_only(ids), trie.initial_state, eos, trie.arrays, NO_TABLE,
        (counts.counts, counts.totals),
    )  # fmt: skip
    possible = base[ids] > 0
    frequencies = (ngrams / np.maximum(contexts, 1))[possible]
    return Evidence(frequencies, bucket_of(contexts)[possible], base[ids][possible])


def fit_weights(evidence: Evidence) -> tuple[FloatArray, list[float]]:
    """Return the weight of the lower orders, (n, BUCKETS), and the log-likelihood of each round.

    The log-likelihoods are means in nats a token. The weight of bucket 0, contexts never seen, is
    1. Rounds end when one gains less than TOLERANCE.
    """
    order = evidence.frequencies.shape[1]
    weights = np.full((order, BUCKETS), 0.5)
    weights[:, 0] = 1.0
    history: list[float] = []
    for _ in range(ROUNDS):
        taken, passed, nats = expected_choices(*evidence, weights, PRIOR)
        history.append(nats)
        if len(history) > 1 and history[-1] - history[-2] < TOLERANCE:
            break
        weights = passed / (taken + passed)
        weights[:, 0] = 1.0
    return weights, history
