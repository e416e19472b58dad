"""Names of a database as people write them, and how each has to stand in SQL."""

from __future__ import annotations

import re
from collections.abc import Collection

from drawbar.backends.sql.dialect import Dialect

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_WORDS = """
abs absolute action add admin all allocate alter analyse analyze and any are array as asc asensitive asymmetric at
atomic authorization avg backup begin between bigint binary bit blob boolean both break browse bulk by call called
cardinality cascade cascaded case cast ceil ceiling char char_length character character_length check checkpoint close
cluster clustered coalesce collate collation collect column commit comment compress compute condition connect
connection constraint constraints contains continue convert corr corresponding count covar_pop covar_samp create cross
cube cume_dist current current_catalog current_connection current_date current_path current_role current_schema
current_time current_timestamp current_transaction current_user cursor cycle database date day dbcc deallocate dec
decfloat decimal declare default deferrable deferred delete deleting dense_rank deny deref desc describe descriptor
deterministic diagnostics disconnect disk distinct distributed do domain double drop dual dummy dump dynamic each
element else end end-exec errlvl escape every except exception exclusive exec execute exists exit exp external extract
false fetch file fillfactor filter first float floor for foreign found free freetext from full function fusion gdscode
general get global go goto grant group grouping having holdlock hold hour identified identity if immediate in
increment index indicator initial initially inner inout input insensitive insert inserting int integer intersect
intersection interval into is isolation join key kill language large last lateral leading leave left level like limit
lineno ln load local localtime localtimestamp lock long loop lower match max maxextents maxvalue member merge method
min minus minute mlslabel mod mode modifies modify module month multiset names national natural nchar nclob new next
no noaudit nocheck nocompress nonclustered none normalize not nowait null nullif number numeric object octet_length of
off offline offset offsets old on online only open option or order out outer output over overlaps overlay pad
parameter partial partition pctfree percent percent_rank percentile_cont percentile_disc period pivot plan position
post_event power precision prepare preserve primary print prior privileges proc procedure public qualify raise
raiserror range rank raw read reads readtext real reconfigure record_version recreate recursive ref references
referencing regexp regr_avgx regr_count relative release rename repeat replication reset resource restore restrict
result return returning returning_values returns revoke revert right role rollback rollup row row_count row_number
rowcount rowguidcol rowid rownum rows rule savepoint schema scope scroll search second section select
semantickeyphrasetable sensitive session session_user set setuser share shutdown signal similar size smallint some
space specific specifictype sql sqlcode sqlerror sqlexception sqlstate sqlwarning sqrt start statistics static
stddev_pop stddev_samp submultiset substring successful sum symmetric synonym sysdate system system_user table
tablesample temporary textsize then time timestamp timezone_hour timezone_minute to top trailing tran transaction
translate translation treat trigger trim true truncate tsequal uescape uid union unique unknown unnest unpivot until
update updatetext updating upper use user using validate value values var_pop var_samp varchar varchar2 variable
variadic varying verbose view waitfor when whenever where while width_bucket window with within without work write
year
"""
_RESERVED = frozenset(_WORDS.split())
"""Words that the standard or one of the databases keeps for itself; quotes do no harm where they were not needed."""


class Naming:
    """Remembers how the database itself writes each name that it was asked to make readable."""

    def __init__(self, dialect: Dialect, quote: str, keywords: Collection[str] = ()) -> None:
        """`quote` stands before and behind a name; `keywords` are the database's own besides those of the standard."""
        self._dialect = dialect
        self._quote = quote.strip()
        self._reserved = _RESERVED | {each.strip().lower() for each in keywords}
        self._raw: dict[str, str] = {}

    def plain(self, raw: str) -> str:
        """As people write it: in lower case where the database folds it."""
        name = self._dialect.column(raw)
        self._raw.setdefault(name, raw)
        return name

    def quoted(self, name: str) -> str:
        """As it stands in SQL: in quotes where it needs them."""
        raw = self._raw.get(name, name)
        is_plain = _PLAIN.fullmatch(name) and self._folded(name) == raw
        if not self._quote or (is_plain and name.lower() not in self._reserved):
            return name
        return f"{self._quote}{raw.replace(self._quote, self._quote * 2)}{self._quote}"

    def _folded(self, name: str) -> str:
        folds_to = self._dialect.folds_to
        return name if folds_to is None else name.upper() if folds_to == "upper" else name.lower()
