"""Every error that lmkit raises on purpose.

::

    LmkitError
    ├── CorpusError (ValueError)         a text cannot be found, read or used
    │   └── EncodingError                ... because its bytes are not what was promised
    ├── VocabularyError (ValueError)     a vocabulary that cannot be built, or does not fit
    ├── NotFittedError (RuntimeError)    a model was asked before it had learned
    ├── NotComparableError (ValueError)  numbers that must not stand in one ranking
    ├── UnknownModelError (LookupError)  a name or an option that no model has
    ├── ParameterError (ValueError)      a hyper-parameter or option outside its range
    ├── FormatError (ValueError)         a file that is not what it claims to be
    └── FetchError (OSError)             a corpus that could not be downloaded whole

Each message is one line: what is wrong, the value, the remedy. The command line prints it
and exits with status 1. Each class is also the fitting builtin, so ``except ValueError`` works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LmkitError(Exception):
    """The root of the tree: catch it to catch everything that lmkit raises on purpose."""


class CorpusError(LmkitError, ValueError):
    """A text cannot be found, read or used."""


class EncodingError(CorpusError):
    """The bytes of a text are not valid in its encoding."""


class VocabularyError(LmkitError, ValueError):
    """A vocabulary cannot be built or does not fit what it is used with."""


class NotFittedError(LmkitError, RuntimeError):
    """A model was asked for a probability before ``fit``."""


class NotComparableError(LmkitError, ValueError):
    """Scores that do not measure the same thing were put in one ranking."""


class UnknownModelError(LmkitError, LookupError):
    """A model name, or an option of a model, that does not exist."""


class ParameterError(LmkitError, ValueError):
    """A hyper-parameter or an option lies outside its range."""


class FormatError(LmkitError, ValueError):
    """A file is damaged, truncated, or of another kind than expected."""


class FetchError(LmkitError, OSError):
    """A catalogue corpus could not be downloaded, or came out different."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or an empty string.

    >>> did_you_mean("trigam", ["bigram", "trigram"])
    "; did you mean 'trigram'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
