"""The one place that imports zeep: the security headers that it knows how to write.

zeep also writes bodies and reads replies, but from types that it keeps without facets, fixed values and
nested choices; Drawbar does both along the shape it compiled the schema from (see `request` and `reply`),
and the tests hold the result against zeep's. zeep is loaded late: it takes a third of a second.
"""

from __future__ import annotations

from lxml import etree


def add_username_token(
    envelope: etree._Element, username: str, password: str, *, digest: bool
) -> None:
    """WS-Security UsernameToken, with the password as text or as a digest with nonce and time."""
    from zeep.wsse.username import UsernameToken  # noqa: PLC0415 -- heavy, and few adapters use it

    token = UsernameToken(  # type: ignore[no-untyped-call]  # zeep has no annotations here
        username, password, use_digest=digest, zulu_timestamp=True
    )
    token.apply(envelope, {})  # type: ignore[no-untyped-call]  # as above
