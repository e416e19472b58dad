"""References of SOAP encoding in replies, as servers write them and as attackers would."""

from __future__ import annotations

import pytest
from lxml import etree

from drawbar.backends.soap.message.multiref import TooManyReferences, resolved
from drawbar.backends.soap.message.reply import generic

ENC_11 = "http://schemas.xmlsoap.org/soap/encoding/"
ENC_12 = "http://www.w3.org/2003/05/soap-encoding"


def body(text: str) -> etree._Element:
    return etree.fromstring(f'<Body xmlns:e="{ENC_12}">{text}</Body>')


def test_a_body_without_references_is_left_alone() -> None:
    whole = body('<a id="x"><b>1</b></a>')

    assert resolved(whole) is whole


def test_what_is_referred_to_twice_stands_in_both_places() -> None:
    whole = body(
        '<r><a href="#i"/><b href="#i"/></r><m id="i" e:root="0"><n href="#j"/></m><m id="j">7</m>'
    )

    made = resolved(whole)

    assert generic(made) == {"r": {"a": {"n": "7"}, "b": {"n": "7"}}}
    assert len(whole) == 3  # the reply itself is as it was


def test_soap_12_has_its_own_words_and_refers_to_any_element() -> None:
    made = resolved(body('<r><a e:id="i">7</a><b e:ref="i"/></r>'))

    assert [node.text for node in made[0]] == ["7", "7"]


def test_names_keep_their_meaning_where_they_are_copied_to() -> None:
    whole = body(
        '<r xmlns:p="urn:one"><a href="#i"/></r>'
        '<m xmlns:p="urn:two" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" id="i" xsi:type="p:T"/>'
    )

    node = resolved(whole)[0][0]

    prefix, _, name = (node.get("{http://www.w3.org/2001/XMLSchema-instance}type") or "").partition(
        ":"
    )
    assert (node.nsmap[prefix], name) == ("urn:two", "T")


def test_the_root_may_have_an_id_when_it_says_that_it_is_the_root() -> None:
    whole = body(
        f'<m xmlns:s="{ENC_11}" s:root="0" id="j">7</m><r xmlns:s="{ENC_11}" s:root="1" id="i"><a href="#j"/></r>'
    )

    assert [(node.tag, node[0].text) for node in resolved(whole)] == [("r", "7")]


def test_a_circle_ends() -> None:
    made = resolved(body('<r><a href="#i"/></r><m id="i"><again href="#i"/></m>'))

    assert generic(made) == {"r": {"a": {"again": {"href": "#i"}}}}


def test_a_reference_that_leads_nowhere_stays() -> None:
    assert generic(resolved(body('<r><a href="#gone"/></r>'))) == {"r": {"a": {"href": "#gone"}}}


def test_growth_has_an_end() -> None:
    """Each level holds ten of the next: ten to the eighth elements, were they all written out."""
    levels = "".join(
        f'<m id="l{level}">' + f'<x href="#l{level + 1}"/>' * 10 + "</m>" for level in range(8)
    )

    with pytest.raises(TooManyReferences):
        resolved(body(f'<r><a href="#l0"/></r>{levels}<m id="l8">!</m>'))
