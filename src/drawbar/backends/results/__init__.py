"""Results that were kept: functions of the gateway itself, over rows of any backend. No adapter names this kind."""

from drawbar.backends.results.backend import ResultsBackend
from drawbar.backends.results.functions import ADAPTER, own_functions

__all__ = ["ADAPTER", "ResultsBackend", "own_functions"]
