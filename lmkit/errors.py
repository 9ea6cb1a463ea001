"""The exceptions that lmkit raises.

::

    LmkitError
    ├── CorpusError (ValueError)         a text cannot be found, read or used
    │   └── EncodingError                its bytes are not valid in its encoding
    ├── VocabularyError (ValueError)     a vocabulary cannot be built, or does not match
    ├── NotFittedError (RuntimeError)    a model was used before it was fitted
    ├── NotComparableError (ValueError)  scores that do not measure the same thing
    ├── UnknownModelError (LookupError)  a model or an option that does not exist
    ├── ParameterError (ValueError)      a hyper-parameter or option outside its range
    ├── FormatError (ValueError)         a file that is damaged or of another format
    ├── FetchError (OSError)             a corpus that could not be downloaded
    └── WriteError (OSError)             a file that cannot be written

Each message is one line: the problem, the value, the remedy. The command line prints it and exits
with status 1. Each class also derives from a builtin one, so that ``except ValueError`` works.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class LmkitError(Exception):
    """The base class of all of them."""


class CorpusError(LmkitError, ValueError):
    """A text cannot be found, read or used."""


class EncodingError(CorpusError):
    """The bytes of a text are not valid in its encoding."""


class VocabularyError(LmkitError, ValueError):
    """A vocabulary cannot be built, or does not match the model or ids it is used with."""


class NotFittedError(LmkitError, RuntimeError):
    """A model was used before ``fit``."""


class NotComparableError(LmkitError, ValueError):
    """Scores that do not measure the same thing were to be compared."""


class UnknownModelError(LmkitError, LookupError):
    """A model name, or an option of a model, that does not exist."""


class ParameterError(LmkitError, ValueError):
    """A hyper-parameter or an option lies outside its range."""


class FormatError(LmkitError, ValueError):
    """A file is damaged, truncated, or of another format than expected."""


class CorpusWarning(UserWarning):
    """Files of a corpus that are left out."""


class FetchError(LmkitError, OSError):
    """A catalogue corpus could not be downloaded, or its checksum is wrong."""


class WriteError(LmkitError, OSError):
    """A file cannot be written where it should be."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known name, or an empty string.

    >>> did_you_mean("trigam", ["bigram", "trigram"])
    "; did you mean 'trigram'?"
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def shown(value: object) -> str:
    """Return a value as an error message names it: one line, of 60 characters at most.

    >>> shown(None), shown([1] * 99)
    ('None', '[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,...')
    """
    line = " ".join(repr(value).split())
    return line if len(line) <= 60 else f"{line[:57]}..."
