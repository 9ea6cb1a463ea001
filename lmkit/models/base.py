"""``LanguageModel``, the one interface: ids to log-probabilities.

Everything outside ``lmkit.models`` knows only this class. A new model implements one hook,
``_next_log_probs``; it then fits, scores, ranks, generates and saves like every other. The further
hooks (:mod:`lmkit.models.core`) make a model that learns, or make it fast.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from lmkit.models.core import Core
from lmkit.models.files import write_model
from lmkit.models.fitting import fit_model
from lmkit.models.generation import encode_prompt, generate
from lmkit.models.scoring import score_text, tally_text
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.tally import Tally
from lmkit.text.corpus import Readable
from lmkit.text.vocabulary import Vocabulary
from lmkit.types import Ids, Progress


class LanguageModel(Core):
    """A probability for every next token, given the tokens before it.

    Hyper-parameters that every model has:

    ``unit``
        ``word``, ``char`` or ``byte``.
    ``min_count``, ``max_size``
        Types seen less often in training, or beyond this many, become ``<unk>``.
    ``context``
        ``sentence``: the context is empty after each ``</s>``; ``stream``: it runs on.

    ``__init__`` only stores hyper-parameters; ``fit`` checks them and learns; learned names end in
    an underscore. Fitting again forgets; scoring changes nothing.
    """

    def fit(
        self,
        corpus: Readable,
        *,
        valid: Readable | None = None,
        vocabulary: Vocabulary | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Learn from a corpus's training part and return the model itself.

        `corpus` is a Corpus, a Text, or what ``Corpus.open`` takes. `valid` replaces the corpus's
        own validation part; a model that needs one and has none learns from the first nine tenths
        of the training sentences and validates on the last. `vocabulary` says which types are
        known, in place of `min_count` and `max_size`; its counts are those of the training text.
        `progress(what, fraction)` is called now and then.

        Raises ParameterError for a hyper-parameter outside its range, CorpusError for a text that
        cannot be read or holds no token.
        """
        fit_model(self, corpus, valid=valid, vocabulary=vocabulary, progress=progress)
        return self

    # ------------------------------------------------------------------ scoring

    def score(
        self,
        text: Readable,
        *,
        context: str | None = None,
        explain: bool = False,
        progress: Progress | None = None,
    ) -> SurprisalLedger:
        """Return the ledger of a text: every token scored once, the first and the last included.

        `text` is a Text, or a corpus whose test part is meant (the whole where it has no parts).
        It goes through the model's own normaliser, sentence rule and unit. `context` is the model's
        own, or ``sentence``, ``document`` or ``stream``: where its state begins anew, after each
        ``</s>``, with each document or never (see :func:`lmkit.models.contexts.scoring`). `explain`
        adds the columns that the model knows, such as the n-gram order that matched.
        """
        return score_text(self, text, context=context, explain=explain, progress=progress)

    def tally(
        self,
        text: Readable,
        *,
        context: str | None = None,
        progress: Progress | None = None,
    ) -> Tally:
        """Return the totals of a text alone: the numbers of `score`, without a row for each event.

        It takes less time, and memory that grows with the unknown words of the text alone, and with
        its documents, where they are known.
        """
        return tally_text(self, text, context=context, progress=progress)

    # ------------------------------------------------------------------ generating

    def encode(self, text: str) -> Ids:
        """Return the ids of a piece of text put through the model's own rules, int32 (T,).

        What follows the piece is open: no sentence end is added behind it, and white space at
        its end is a space where characters or bytes are counted. Unknown tokens are id 0.
        """
        return encode_prompt(self, text)

    def generate(self, prompt: str = "", **options: Any) -> str:
        """Return text drawn from the model, the prompt included.

        Options are those of :func:`lmkit.models.generation.generate`: `tokens`, `temperature`,
        `top_k`, `top_p`, `greedy`, `seed`, `stop`, `allow_unk`, `beam`.
        """
        return "".join(self.generate_pieces(prompt, **options))

    def generate_pieces(self, prompt: str = "", **options: Any) -> Iterator[str]:
        """Yield the pieces of text that :meth:`generate` joins, as they are drawn."""
        return generate(self, prompt, **options)

    def save(self, path: str | Path) -> None:
        """Write the model as one file, atomically; :func:`lmkit.load` reads it.

        A name that ends in ``.arpa``, or ``.arpa.gz``, ``.xz`` or ``.zst``, makes an ARPA file:
        words, probabilities and backoff weights alone, of n-gram models that have such a form.
        Raises ParameterError for one that has none.
        """
        write_model(self, path)
