"""The chat page in a real browser against a real gateway. The model is scripted; nothing else is."""

from __future__ import annotations

import pytest

from drawbar.store.records import Page as StorePage

from .gateway import Gateway

pytest.importorskip("selenium")

from selenium.webdriver import Chrome, Keys

from .page import Page


@pytest.fixture
def page(browser: Chrome, gateway: Gateway) -> Page:
    gateway.wire.mend()
    browser.set_window_size(1280, 860)
    return Page(browser, gateway.url).open()


def test_it_loads_under_its_strict_policy_and_says_what_answers(page: Page) -> None:
    assert page.one("#model-label").text == "scripted by script.yaml, not a model"
    assert page.one("h2").text == "Drawbar"
    assert page.focused() == "question"
    assert page.complaints() == []


def test_a_run_shows_its_words_the_invocation_with_arguments_and_outcome_and_the_answer(
    page: Page,
) -> None:
    page.ask("Which departures are delayed?")

    assert page.texts(".said-text") == ["Which departures are delayed?"]
    assert page.one(".call").get_attribute("data-state") == "succeeded"
    assert page.texts(".call-head") == ["Succeeded\nharbour_list_departures\nreads"]
    assert page.one(".call-asked").text == "port\nOrmsay\nstate\ndelayed"
    words = page.all(".words")
    assert words[0].text == "I look at the board."
    assert page.texts(".words table td") == ["DEP-105", "08:50"]
    assert page.texts(".words strong") == ["late"]
    assert page.texts(".words code") == ["fog"]
    assert page.focused() == "question"
    assert page.complaints() == []


def test_a_reply_unfolds_as_records_and_as_json(page: Page) -> None:
    page.ask("Show the booking")

    page.one(".reply summary").click()
    page.until(lambda: page.all(".reply dd"))
    records = page.one(".reply-body").text
    page.one(".reply-body button").click()
    as_json = page.one(".reply-body pre").text

    assert "Customer\nFenna Copperthwaite" in records
    assert [row.text for row in page.all(".words p")] == [
        "Booking B-20417 of Fenna Copperthwaite is confirmed."
    ]
    assert '"customer": "Fenna Copperthwaite"' in as_json


def test_refused_failed_and_unknown_are_told_apart_by_words_and_signs(page: Page) -> None:
    page.ask("What is the sea like at Atlantis?")
    page.ask("Open the barrier")

    states = [card.get_attribute("data-state") for card in page.all(".call")]
    assert states == ["refused", "failed", "indeterminate"]
    assert page.texts(".call-state") == ["Refused", "Failed", "Outcome unknown"]
    icons = [sign.get_attribute("class") for sign in page.all(".call-state svg")]
    assert icons == ["icon icon-refused", "icon icon-failed", "icon icon-indeterminate"]
    told = page.texts(".call-told")
    assert "Atlantis" in told[0]
    assert "No booking has this number" in told[1]
    assert "It may have happened, so it is not repeated." in told[2]


def test_a_run_can_be_stopped_while_it_talks(page: Page, gateway: Gateway) -> None:
    page.ask("think", wait=False)
    page.until(lambda: page.texts(".words") == ["Let me think"])

    page.one("#stop").click()
    page.wait_for_answer()

    assert page.texts(".turn-note") == ["Stopped. What was carried out before stays carried out."]
    assert page.one("#send").is_displayed()
    thread = page.js("return location.hash.slice(1)")
    [run] = gateway.run(gateway.services.store.runs.list(thread, StorePage())).data
    assert run.status == "cancelled"


def test_a_failed_run_says_why_and_can_be_tried_again(page: Page) -> None:
    page.ask("overload")
    assert page.texts(".note-failed span") == ["The model server is overloaded"]

    page.one(".note-failed button").click()
    page.until(lambda: page.texts(".words") == ["Now it works."])

    assert len(page.all(".said")) == 1


def test_text_of_a_model_is_never_html(page: Page) -> None:
    page.ask("html")

    text = "<img src=x onerror=\"document.title='broken in'\"> <b>bold</b> [link](javascript:alert(1)) <i>x</i>"
    assert page.texts(".words") == [text]
    assert page.all(".words img, .words b, .words a, .words i") == []
    assert "broken" not in page.browser.title


def test_a_reload_in_the_middle_of_a_run_goes_on_with_it(page: Page) -> None:
    page.ask("count", wait=False)
    page.until(lambda: "tick tick" in page.log_text())

    page.browser.refresh()
    page.until(lambda: "tick" in page.log_text())
    page.wait_for_answer()

    assert page.one(".words").text == ("tick " * 60).strip()
    assert page.texts(".said-text") == ["count"]


def test_a_lost_connection_is_told_and_taken_up_where_it_broke(
    page: Page, gateway: Gateway
) -> None:
    page.ask("count", wait=False)
    page.until(lambda: "tick tick" in page.log_text())

    gateway.loop.call_soon_threadsafe(gateway.wire.cut)
    told = page.until(lambda: page.texts(".banner p"))
    gateway.loop.call_soon_threadsafe(gateway.wire.mend)
    page.one(".banner button").click()
    page.wait_for_answer()

    assert told == ["The connection was lost. The run goes on; this page looks for it again."]
    assert page.one(".words").text == ("tick " * 60).strip()
    assert page.all(".banner") == []


def test_a_question_that_could_not_be_sent_is_kept_and_sent_again(
    page: Page, gateway: Gateway
) -> None:
    gateway.loop.call_soon_threadsafe(gateway.wire.cut)
    page.type("hello", Keys.ENTER)
    told = page.until(lambda: page.texts(".banner p"))
    kept = page.one("#question").get_attribute("value")
    gateway.loop.call_soon_threadsafe(gateway.wire.mend)
    page.one(".banner button").click()
    page.wait_for_answer()

    assert (told, kept) == (["Not sent. The server cannot be reached."], "hello")
    assert page.texts(".said-text") == ["hello"]
    assert page.texts(".words") == ["You said: hello"]


def test_a_past_conversation_looks_as_it_did_when_it_happened(page: Page) -> None:
    page.ask("Which departures are delayed?")
    page.ask("What is the sea like at Atlantis?")
    page.ask("Thank you")
    before = page.log_text()

    page.browser.refresh()
    page.until(lambda: len(page.all(".turn")) == 3)

    assert page.log_text() == before


def test_conversations_are_listed_renamed_and_deleted(page: Page) -> None:
    page.ask("first one")
    page.one("#new-conversation").click()
    page.ask("second one")
    assert page.texts(".thread-title") == ["second one", "first one"]

    page.all(".thread-action[title=Rename]")[1].send_keys(Keys.ENTER)
    page.one(".thread-rename").send_keys("renamed", Keys.ENTER)
    page.all(".thread-open")[1].click()
    page.until(lambda: page.texts(".words") == ["You said: first one"])
    assert page.one("#title").text == "renamed"

    page.all(".thread-action[title=Delete]")[1].send_keys(Keys.ENTER)
    page.until(lambda: page.one("#confirm-dialog").is_displayed())
    assert "renamed" in page.one("#confirm-text").text
    page.one("#confirm-dialog .danger").click()
    page.until(lambda: page.texts(".thread-title") == ["second one"])
    assert page.one("#title").text == "New conversation"


def test_a_conversation_that_is_gone_is_taken_off_the_list(page: Page, gateway: Gateway) -> None:
    page.ask("short lived")
    thread = page.js("return location.hash.slice(1)")
    page.one("#new-conversation").click()
    gateway.run(gateway.services.store.threads.delete(thread))

    page.one(".thread-open").click()

    told = page.until(lambda: page.texts(".banner p"))
    assert told == [
        "This conversation does not exist on the server any more. It was taken off the list."
    ]
    assert page.texts(".thread-title") == []


def test_it_can_be_used_with_the_keyboard_alone(page: Page) -> None:
    first = page.js("return document.querySelector('a, button, input, textarea').className")
    page.js("document.querySelector('.skip').focus()")
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    assert (first, page.focused()) == ("skip", "question")

    page.type("two", Keys.SHIFT, Keys.ENTER, Keys.NULL, "lines", Keys.ENTER)
    page.wait_for_answer()
    assert page.texts(".said-text") == ["two\nlines"]

    page.one("#show-functions").send_keys(Keys.ENTER)
    page.until(lambda: page.one("#functions-dialog").is_displayed())
    page.one("#function-filter").send_keys("barrier")
    assert page.texts(".function code") == ["pier_open_barrier"]
    page.one("#function-filter").send_keys(Keys.ESCAPE, Keys.ESCAPE)
    page.until(lambda: not page.one("#functions-dialog").is_displayed())
    assert page.focused() == "show-functions"


def test_the_answer_is_told_to_screen_readers_once_it_is_whole(page: Page) -> None:
    page.ask("hello")

    announcer = page.one("#announcer")
    assert announcer.get_attribute("aria-live") == "polite"
    assert announcer.get_attribute("textContent") == "You said: hello"


def test_on_a_narrow_screen_the_conversations_are_a_drawer(page: Page) -> None:
    page.browser.set_window_size(500, 800)
    page.until(lambda: page.one("#open-sidebar").is_displayed())
    assert page.js("return document.getElementById('sidebar').inert")

    page.one("#open-sidebar").click()
    page.until(lambda: page.focused() == "close-sidebar")
    page.one("#close-sidebar").send_keys(Keys.ESCAPE)

    assert page.focused() == "open-sidebar"
    page.ask("Show the booking")
    assert page.js("return document.documentElement.scrollWidth <= innerWidth")


def test_a_chosen_theme_is_kept(page: Page) -> None:
    page.one("#toggle-theme").click()
    page.one("#toggle-theme").click()
    assert page.one("#theme-label").text == "Theme: dark"

    page.browser.refresh()

    page.until(lambda: page.one("#theme-label").text == "Theme: dark")
    assert page.js("return getComputedStyle(document.body).backgroundColor") == "rgb(27, 25, 22)"


@pytest.mark.parametrize(
    ("text", "outline"),
    [
        ("one\ntwo\n\nthree", "P[one,BR,two] P[three]"),
        ("- a\n- b\n  - c\n- d", "UL[LI[a] LI[b UL[LI[c]]] LI[d]]"),
        ("3. a\n4. b", "OL[LI[a] LI[b]]"),
        ("```sql\nselect *\n```\nafter", "PRE[CODE[select *]] P[after]"),
        ("```\nunclosed **x**", "PRE[CODE[unclosed **x**]]"),
        ("a **b** `c*d*` *e* 2*3*4", "P[a STRONG[b] CODE[c*d*] EM[e] 2*3*4]"),
        ("## Title", "H3[Title]"),
        ("a | b\n---|---\n1 | 2", "DIV[TABLE[THEAD[TR[TH[a] TH[b]]] TBODY[TR[TD[1] TD[2]]]]]"),
        ("a | b", "P[a | b]"),
        ("<script>x</script>", "P[<script>x</script>]"),
    ],
)
def test_markdown_becomes_elements(page: Page, text: str, outline: str) -> None:
    script = """
    const [text, done] = arguments;
    const show = (node) => node.nodeType === 3 ? node.data.trim()
      : node.childNodes.length === 0 ? node.tagName
      : `${node.tagName}[${[...node.childNodes].map(show).filter(Boolean).join(node.querySelector("br") ? "," : " ")}]`;
    import("./markdown.js").then((m) => done([...m.renderMarkdown(text).childNodes].map(show).join(" ")));
    """
    assert page.browser.execute_async_script(script, text) == outline
