"""The problems that compiling a SQL adapter can find. A code never changes its meaning."""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "DB301": "the `url` of a SQL backend names no database that can be used",
    "DB302": "a function needs exactly one of `sql`, `query`, `statements` and `call`",
    "DB303": "the SQL cannot be read",
    "DB304": "one statement belongs here, not none and not several",
    "DB305": "a placeholder that nobody declares",
    "DB306": "a parameter that no SQL uses",
    "DB307": "a placeholder of another style than `:name`",
    "DB308": "a placeholder stands where its type does not fit",
    "DB309": "a change where only reading is allowed",
    "DB310": "a kind of statement that is not allowed here",
    "DB311": "`effect` does not fit what the function does",
    "DB312": "a result column without a name",
    "DB313": "two result columns of one name",
    "DB314": "a word that has no meaning beside the others",
    "DB315": "an optional condition (`where`) that cannot be joined in",
    "DB316": "a name that is taken, or a guard that is none",
    "DB318": "a function of the database that reaches beyond rows",
    "DB319": "`columns` names a result column that is not there",
    "DB320": "a hole of a message that names nothing",
    "DB321": "`returns: {from: ...}` names no reading that can be run",
    "DB322": "a sorting or a page that cannot be carried out",
    "DB323": "`call` names no routine that this database could have",
    "DB324": "a free query (`query`) that this database or its login cannot guard",
    "DB325": "what comes back from `call` cannot be answered as it is declared",
    "DB326": "an argument of `call` and the parameters of the function do not fit together",
    "DB330": "`identity` tells the database something that it cannot be told",
    "DB391": "the live database refuses a declared statement",
    "DB392": "`adapters.lock`, which holds the types that the database told, cannot be read",
    "DB393": "warning: the login may do more than the functions need",
}
