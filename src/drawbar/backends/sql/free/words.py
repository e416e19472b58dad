"""What a free query may be made of. Everything that is not named here is refused.

Words of a statement that no database takes for more than a part of a select stand in WORDS; functions that only
compute something from their arguments in FUNCTIONS. A function that sleeps, locks, counts up, reaches for a file, another
server, a setting or the catalogue, or makes a small argument large, is in none of them.
"""

from __future__ import annotations

from collections.abc import Mapping

_SELECT = """
    select distinct on all from as where group by having order asc desc nulls first last limit offset fetch next row rows
    only ties with recursive materialized union intersect except values window qualify
    join inner left right full outer cross natural using lateral
"""
_EXPRESSION = """
    and or not xor in is null true false unknown like ilike glob regexp rlike similar to escape between symmetric exists any
    some case when then else end cast extract interval collate at time zone array both leading trailing for separator div
    over partition range groups unbounded preceding following current exclude others no filter within rollup cube grouping
    sets ordinality placing nocase binary
    current_date current_time current_timestamp localtime localtimestamp
"""
_TYPES = """
    bigint bool boolean bytea char character date datetime dec decimal double float int int2 int4 int8 integer json jsonb
    numeric nvarchar precision real signed smallint text time timestamp timestamptz tinyint unsigned uuid varchar varying
"""
_UNITS = """
    century day decade dow doy epoch hour isodow isoyear microsecond microseconds millisecond milliseconds minute month
    quarter second week weekday year yearday
"""
WORDS = frozenset(f"{_SELECT} {_EXPRESSION} {_TYPES} {_UNITS}".split())
"""Of what is executed, without quotes; names stand in quotes there."""
_BEFORE = """
    all and any array as between by case char character cube datetime dec decimal distinct else except exists filter float
    from group having in intersect interval is join lateral like limit materialized not numeric nvarchar offset on or over
    rollup select sets some then time timestamp timestamptz union using values varchar varying when where window with xor
"""
BEFORE_BRACKETS = frozenset(_BEFORE.split())
"""Those that may be followed by a bracket and yet call no function; types are followed by their length."""

_EVERYWHERE = """
    abs avg cast ceil ceiling coalesce count cume_dist dense_rank exists exp extract first_value floor lag last_value lead
    least greatest length ln lower ltrim max min mod nth_value ntile nullif percent_rank position power rank replace round
    row_number rtrim sign sqrt substring sum trim upper
"""
_MORE = {
    "sqlite": """
        date datetime glob group_concat hex iif ifnull instr json json_array json_array_length json_each json_extract
        json_group_array json_group_object json_object json_tree json_type json_valid julianday like likely log max min
        nullif pow quote string_agg strftime substr time timediff total trunc typeof unicode unixepoch unlikely
    """,
    "postgresql": """
        age any array_agg array_length array_to_string ascii bit_length bool_and bool_or btrim cardinality char_length
        character_length chr concat concat_ws corr cube date date_bin date_part date_trunc every generate_series grouping
        initcap isfinite json_agg json_array_elements json_array_elements_text json_array_length json_build_array
        json_build_object json_extract_path json_extract_path_text json_object_agg json_typeof jsonb_agg jsonb_array_elements
        jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_typeof
        justify_days justify_hours left log lower make_date md5 mode now nullif octet_length overlay percentile_cont
        percentile_disc regexp_match regexp_replace reverse right rollup row row_number some split_part starts_with stddev
        stddev_pop stddev_samp string_agg string_to_array strpos substr to_char to_date to_json to_jsonb to_number
        to_timestamp translate trunc unnest var_pop var_samp variance width_bucket
    """,
    "mariadb": """
        adddate addtime any bit_and bit_or char_length character_length concat concat_ws convert crc32 curdate current_date
        current_time current_timestamp curtime date date_add date_format date_sub datediff day dayname dayofmonth dayofweek
        dayofyear elt field find_in_set format from_days from_unixtime group_concat hour if ifnull insert instr isnull
        json_array json_array_length json_arrayagg json_contains json_extract json_length json_object json_objectagg
        json_type json_unquote json_valid json_value last_day lcase left locate log log10 log2 makedate maketime md5
        microsecond mid minute month monthname now nvl nvl2 octet_length percentile_cont period_add period_diff pow quarter
        quote regexp_instr regexp_replace regexp_substr reverse right sec_to_time second sha1 sha2 some std stddev stddev_pop
        stddev_samp str_to_date strcmp subdate substr substring_index subtime time time_format time_to_sec timediff timestamp
        timestampadd timestampdiff to_days truncate ucase unix_timestamp utc_date utc_timestamp values var_pop var_samp
        variance week weekday weekofyear year yearweek
    """,
    "firebird": """
        acos any asin atan atan2 bin_and bin_or bin_shl bin_shr bin_xor char_length character_length corr cos cot covar_pop
        covar_samp dateadd datediff decode hash iif left list log log10 lower maxvalue minvalue mod nullif octet_length overlay
        pi regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope reverse right round sin some stddev_pop stddev_samp
        tan trunc var_pop var_samp
    """,
    "h2": """
        acos any array_agg ascii asin atan atan2 bit_length bool_and bool_or char_length character_length concat concat_ws
        corr cos cot covar_pop covar_samp date_trunc dateadd day_name dayofmonth dayofweek dayofyear degrees
        formatdatetime group_concat hour ifnull insert instr json_array json_arrayagg json_object json_objectagg left listagg
        locate log log10 median minute mode month monthname nullif nvl2 octet_length parsedatetime percentile_cont
        percentile_disc pi quarter radians regexp_like regexp_replace regexp_substr right second sin some stddev_pop
        stddev_samp string_agg substr tan to_char to_date to_timestamp translate trunc truncate var_pop var_samp week year
    """,
    "duckdb": """
        age any any_value approx_count_distinct arg_max arg_min array_agg array_length bool_and bool_or concat concat_ws
        contains corr cube date date_add date_diff date_part date_sub date_trunc day dayname dayofmonth dayofweek dayofyear
        ends_with epoch epoch_ms first generate_series grouping hour if ifnull instr isfinite last last_day left len list
        list_contains listagg log log10 log2 make_date md5 median minute mode month monthname now pow product quantile
        quantile_cont quantile_disc quarter range regexp_extract regexp_matches regexp_replace reverse right rollup second
        some split_part starts_with stddev stddev_pop stddev_samp str_split strftime string_agg string_split strpos strptime
        substr suffix prefix time_bucket to_days to_months to_years translate trunc try_cast unnest var_pop var_samp variance
        week year
    """,
}
FUNCTIONS: Mapping[str, frozenset[str]] = {
    name: frozenset(_EVERYWHERE.split()) | frozenset(text.split()) for name, text in _MORE.items()
}
"""By dialect, for everybody; an adapter adds its own."""

_JSON_ROWS = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path")
ROWS_OF: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sqlite": {"json_each": _JSON_ROWS, "json_tree": _JSON_ROWS},
    "postgresql": {"generate_series": (), "unnest": (), "json_array_elements": ("value",)}
    | dict.fromkeys(
        ("jsonb_array_elements", "json_array_elements_text", "jsonb_array_elements_text"),
        ("value",),
    ),
    "mariadb": {},
    "firebird": {},
    "h2": {},
    "duckdb": {"generate_series": ("generate_series", "range"), "unnest": ("unnest",)},
}
"""Functions that stand where a table does, and the columns of their rows; (): one column of the same name."""

_NODES = """
    Select Union Intersect Except Subquery Values With CTE From Join Table TableAlias Lateral Unnest Tuple Alias Column
    Identifier Star Literal Boolean Null Paren Where Group Having Order Ordered Limit Offset Fetch LimitOptions Distinct
    Window WindowSpec Qualify Filter WithinGroup IgnoreNulls RespectNulls GroupingSets Rollup Cube
    Add Sub Mul Div IntDiv Mod Neg DPipe EQ NEQ GT GTE LT LTE NullSafeEQ NullSafeNEQ And Or Xor Not Is In Between Like ILike
    Glob SimilarTo Escape RegexpLike RegexpILike Any All Exists Case If Collate AtTimeZone Interval IntervalSpan Var DataType
    DataTypeParam Array Bracket Cast TryCast JSONPath JSONPathRoot JSONPathKey JSONPathSubscript JSONExtract
    JSONExtractScalar JSONBExtract JSONBExtractScalar JSONArrayContains ArrayContainsAll ArrayContainedBy
"""
NODES = frozenset(_NODES.split())
"""sqlglot's classes that are no function; functions are judged by the name that is written."""
