"""The problems that compiling an adapter can find, whatever its kind. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB201": "a name of a parameter that model servers do not take",
    "DB202": "a parameter without a type, or an input that the backend's contract does not have",
    "DB203": "a value of the caller that does not exist",
    "DB204": "a word that has no meaning where it stands",
    "DB205": "a constraint that says nothing about its type, or that no value can meet",
    "DB206": "a list without `items`, or an object without `properties`",
    "DB207": "a pattern that is no regular expression",
    "DB208": "a default, choice, example or constant that its own parameter does not allow",
    "DB209": "a format that is not known, so that nothing would enforce it",
    "DB210": "a name of a function that is too long for model servers",
    "DB211": "a function that does not exist, or that changes something where a reading is needed",
    "DB212": "a test that does not call exactly one function",
    "DB213": "a kind that made nothing of a function and did not say why",
    "DB214": "two adapters of one name",
    "DB215": "two functions of one name",
    "DB216": "a `lookup` that cannot find a value",
    "DB220": "a rule that is not CEL",
    "DB221": "a rule with a name or function that does not exist",
    "DB222": "a rule with a field or parameter that does not exist",
    "DB223": "a selection that is not JMESPath",
    "DB230": "warning: no strict schema; the function is offered without",
    "DB231": "warning: no description",
    "DB232": "warning: calls that need approval are refused until approvals are served",
    "DB233": "warning: a description longer than some model servers take",
    "DB234": "warning: constraints that strict mode cannot hold a model to",
    "DB235": "warning: no effect is written, and the name sounds like a change",
    "DB236": "warning: a vendored file is not what the adapter was drafted from",
    "DB237": "warning: what the adapter was drafted from has changed since",
    "DB238": "a type that a live system tells is not the one that was pinned",
}
