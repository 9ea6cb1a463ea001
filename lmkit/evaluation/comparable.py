"""Which ledgers may share a ranking: those that measure the same thing. Others are refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lmkit.errors import NotComparableError
from lmkit.results.ledger import SurprisalLedger
from lmkit.results.proper import no_distribution, no_events
from lmkit.results.scored import Scored


def check_comparable(ledgers: Sequence[SurprisalLedger]) -> None:
    """Raise NotComparableError, with reason and remedy, unless ledgers may share a ranking."""
    if not ledgers:
        raise NotComparableError("nothing to compare; name at least one model")
    check_one_text(ledgers)
    for ledger in ledgers:
        if not ledger.proper:
            raise not_ranked(no_distribution(ledger.model, ledger.outcome_sums))
    if not ledgers[0].events:
        raise NotComparableError(no_events(ledgers[0].summary.name))
    closed = [ledger for ledger in ledgers if not ledger.is_open]
    if closed:
        _check_one_vocabulary(ledgers, closed[0])


def not_ranked(why: str) -> NotComparableError:
    """Return the error for an improper model in a ranking; `why` says that it is one."""
    return NotComparableError(
        f"{why}; what is no distribution has no perplexity to rank by, so leave it out "
        "(`lmkit evaluate` shows its numbers, marked)"
    )


def check_one_text(ledgers: Sequence[Scored]) -> None:
    """Raise NotComparableError unless all ledgers, or tallies, are of the same canonical text."""
    first = ledgers[0]
    for other in ledgers[1:]:
        a, b = first.summary, other.summary
        if a.sha256 == b.sha256:
            continue
        if (a.normalize, a.sentences) != (b.normalize, b.sentences):
            how = (
                f"{first.model} reads it as normalize={a.normalize}, sentences={a.sentences}, "
                f"{other.model} as normalize={b.normalize}, sentences={b.sentences}"
            )
            remedy = "fit both with the same --normalize and --sentences"
        else:
            how = f"{first.model} was scored on {a.sha256[:12]}, {other.model} on {b.sha256[:12]}"
            remedy = "score both on the same text"
        raise NotComparableError(f"not the same canonical text: {how}; {remedy}")


def _check_one_vocabulary(ledgers: Sequence[SurprisalLedger], closed: SurprisalLedger) -> None:
    """Raise NotComparableError where one model may call <unk> what another must predict."""
    for other in ledgers:
        same = other.unit == closed.unit and not (other.is_open and other.oov_count)
        if not same or not np.array_equal(closed.oov, other.oov):
            raise NotComparableError(
                f"{closed.model} finds {closed.oov_count:,} events unknown and does not spell "
                f"them, {other.model} must predict them: the more a model may call <unk>, the "
                "better it looks; give the training text (--train), so that they can be spelled"
            )
