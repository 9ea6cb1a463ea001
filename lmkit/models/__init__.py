"""Ids to log-probabilities: every model stands behind :class:`lmkit.models.base.LanguageModel`."""
