"""The kind `tn3270` with a real emulator: screens that say no, screens that changed, sessions, pages."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import green_screens
from certificates import make_certificate
from drawbar.kernel.outcome import Failed, Indeterminate, Refused, Succeeded
from drawbar.testing.kinds import compiled, opened
from green_screens import GreenScreens, Screen, need_s3270


@pytest.fixture
async def host() -> AsyncIterator[GreenScreens]:
    need_s3270()
    host = GreenScreens()
    await host.start()
    yield host
    await host.stop()


async def test_a_session_is_at_home_after_each_call_and_logs_on_once(
    host: GreenScreens, tmp_path: Path
) -> None:
    async with opened(host.adapter(), tmp_path) as gateway:
        said = await gateway.call("echo", {"text": "one"})
        no = await gateway.call("change", {"seconds": -1})
        listed = await gateway.call("rows", {"count": 5})
        none = await gateway.call("rows", {"count": 0})

    assert isinstance(said, Succeeded)
    assert isinstance(no, Failed)
    assert (no.code, no.message) == ("not_possible", "E17 NEGATIVE")
    assert isinstance(listed, Succeeded)
    assert listed.value == {"rows": [{"row": number} for number in range(5)]}
    assert isinstance(none, Succeeded)
    assert none.value == {"rows": []}
    assert host.logons == 1


async def test_a_refused_logon_is_told_in_the_words_of_the_application(
    host: GreenScreens, tmp_path: Path
) -> None:
    text = host.adapter().replace(host.password, "WRONG")
    async with opened(text, tmp_path) as gateway:
        outcome = await gateway.call("change", {"seconds": 0})

    assert isinstance(outcome, Failed)
    assert (outcome.code, outcome.message) == ("not_authorised", "E01 NOT AUTHORISED")


async def test_no_text_becomes_a_key_or_an_order(host: GreenScreens, tmp_path: Path) -> None:
    async with opened(host.adapter(), tmp_path) as gateway:
        for text in ("\\pf(3)", '") PF(3) Key("', "\\n\\e\\x7d", "PF(3)", "%s", "a" * 60):
            outcome = await gateway.call("echo", {"text": text})
            assert isinstance(outcome, Succeeded), outcome
            assert outcome.value == {"text": text}
        long = await gateway.call("echo", {"text": "a" * 61})
        changed = await gateway.call("echo", {"text": "漢"})

    assert isinstance(long, Refused)
    assert isinstance(changed, Failed | Refused)
    assert changed.code == "invalid_arguments"


async def test_a_screen_that_is_not_the_recorded_one_is_never_typed_into(
    host: GreenScreens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drawbar.backends.tn3270.backend._PATIENCE", 0.2)
    moved = Screen([(1, 30, "CHANGE"), (5, 5, "SECONDS")], [(6, 15, 10, 0x40)])
    other = Screen([(1, 30, "ALTER")], [(5, 15, 10, 0x40)])
    for panel in (moved, other):
        monkeypatch.setitem(green_screens.PANELS, "CHANGE", panel)
        async with opened(host.adapter(), tmp_path) as gateway:
            outcome = await gateway.call("change", {"seconds": 0})
        assert isinstance(outcome, Failed)
        assert outcome.code == "unexpected_screen"
    assert host.changes == 0
    assert isinstance(outcome, Failed)
    assert outcome.message == "The application shows `ALTER` where `change` was expected."


async def test_silence_after_the_changing_key_is_an_unknown_outcome_and_before_it_is_none(
    host: GreenScreens, tmp_path: Path
) -> None:
    async with opened(host.adapter(), tmp_path) as gateway:
        await gateway.call("echo", {"text": "logged on"})
        after = await gateway.call("change", {"seconds": 60}, seconds=1)
        await gateway.call("echo", {"text": "logged on again"})
        host.silent = True
        before = await gateway.call("change", {"seconds": 0}, seconds=1)

    assert isinstance(after, Indeterminate)
    assert isinstance(before, Failed)
    assert host.changes == 1
    assert host.logons == 2, "the session whose end nobody knows was thrown away"


async def test_tls_takes_the_certificate_of_the_authority_that_is_named_and_no_other(
    tmp_path: Path,
) -> None:
    need_s3270()
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    host = GreenScreens()
    await host.start(context)
    text = host.adapter().replace("127.0.0.1", "localhost")
    try:
        for tls, fine in (
            ("{}", False),
            (f"{{ca: {certificate.name}}}", True),
            ("{verify: false}", True),
        ):
            words = text.replace("  sessions", f"  tls: {tls}\n  sessions")
            async with opened(words, tmp_path) as gateway:
                outcome = await gateway.call("echo", {"text": "secret"})
            assert isinstance(outcome, Succeeded) is fine, outcome
            assert "\ufffd" not in str(outcome)
    finally:
        await host.stop()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("home: menu", "home: menue", "DB941 there is no screen `menue`\n    did you mean `menu`?"),
        ("shows: echoed", "shows: nothing", "DB941 there is no screen `nothing`"),
        (
            "{on: echo, fill: {text:",
            "{on: echo, fill: {txt:",
            "DB941 the screen `echo` has no input",
        ),
        ("fill: {user:", "fill: {usr:", "DB941 the screen `logon` has no input `usr`"),
        ('"{text}"', '"{txt}"', "DB943 there is no parameter `txt`\n    did you mean `text`?"),
        ('"{text}"', '"{text"', "DB943 `{text` has a brace that stands alone"),
        ('"{text}"', '"fixed"', "DB944 no step types the parameter `text`"),
        ("{text: {type: string}}", "{text: {type: boolean}}", "DB944 `text` is of type boolean"),
        ('"23,70": MORE', '"23,78": MORE', "DB942 23,78 with 4 characters is not on the screen"),
        ('option: {at: "20,15"', 'option: {at: "25,15"', "DB942 25,15 with 6 characters"),
        ("first: 8", "first: 21", "DB942 the last row stands before the first"),
        ("  sessions: 3", "  code_page: cp1252", "DB801 `cp1252` is no EBCDIC code page"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_opened(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    text = GreenScreens().adapter().replace("%(port)d", "1").replace("port: 0", "port: 1")
    assert old in text

    problems = compiled(text.replace(old, new), tmp_path).problems

    assert any(told in str(problem) for problem in problems), [str(each) for each in problems]


BY_LABEL = {
    'inputs: {user: {at: "5,20", length: 8}, password: {at: "6,20", length: 8}}': (
        "inputs: {user: {label: USER, length: 8}, password: {label: PASSWORD, length: 8}}"
    ),
    '"1,30": HARBOUR LOGON, "24,5": "   "': '"1,30": HARBOUR LOGON',
    '"1,30": HARBOUR LOGON, "24,5": E01': '"1,30": REFUSED LOGON',
    '"1,30": HARBOUR MENU, "24,5": "   "': '"1,30": HARBOUR MENU',
    'option: {at: "20,15", length: 6}': "option: {label: OPTION, length: 6}",
    '"1,30": "ECHO  ", "5,5": TEXT': '"1,30": "ECHO  "',
    'inputs: {text: {at: "5,15", length: 60}}': "inputs: {text: {label: TEXT, length: 60}}",
    'fields: {text: {at: "5,15", length: 60}}': "fields: {text: {label: SAID, length: 60}}",
    'message: {at: "24,5", length: 40}': "message: {label: E17, length: 40}",
}


def by_label(text: str) -> str:
    for old, new in BY_LABEL.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


async def test_fields_are_found_by_their_labels_wherever_they_are(
    host: GreenScreens, tmp_path: Path
) -> None:
    text = by_label(host.adapter())
    for down in (0, 2, 4):
        host.down = down
        async with opened(text, tmp_path) as gateway:
            said = await gateway.call("echo", {"text": "a b:c"})
            no = await gateway.call("wait", {"seconds": -1})
        assert isinstance(said, Succeeded), said
        assert said.value == {"text": "a b:c"}
        assert isinstance(no, Failed)
        if down == 0:
            assert (no.code, no.message) == ("not_possible", "NEGATIVE")


async def test_a_label_that_is_gone_or_there_twice_is_no_place_to_type(
    host: GreenScreens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = green_screens.PANELS["ECHO"]
    text = by_label(host.adapter())
    told = []
    for texts in ([(1, 30, "ECHO")], [*echo.texts, (9, 5, "TEXT")]):
        panels = {**green_screens.PANELS, "ECHO": Screen(texts, echo.inputs)}
        monkeypatch.setattr(green_screens, "PANELS", panels)
        async with opened(text, tmp_path) as gateway:
            outcome = await gateway.call("echo", {"text": "x"})
        assert isinstance(outcome, Failed), outcome
        assert outcome.code == "unexpected_screen"
        told.append(outcome.message)

    gone, twice = told
    assert gone == "`text` of the screen `echo` cannot be typed into any more."
    assert twice == "The screen shows `TEXT` 2 times, so nobody can say which is meant."


@pytest.mark.parametrize(("model", "rows", "columns"), [(3, 32, 80), (4, 43, 80), (5, 27, 132)])
async def test_screens_of_other_sizes(
    host: GreenScreens, tmp_path: Path, model: int, rows: int, columns: int
) -> None:
    host.columns, host.alternate = columns, True
    corner = f'corner: {{at: "{rows},{columns - 9}", length: 8}}'
    text = host.adapter().replace("  home: menu", f"  home: menu\n  model: {model}")
    text = text.replace("fields: {text:", f"fields: {{{corner}, text:")
    host.corner = (rows, columns - 9, "THE END.")
    async with opened(text, tmp_path) as gateway:
        said = await gateway.call("echo", {"text": "in the middle"})
        listed = await gateway.call("rows", {"count": 3})

    assert isinstance(said, Succeeded), said
    assert said.value == {"corner": "THE END.", "text": "in the middle"}
    assert isinstance(listed, Succeeded)
    smaller = text.replace(f"model: {model}", "model: 2")
    assert [each.code for each in compiled(smaller, tmp_path).problems] == ["DB942"]


async def test_a_host_that_keeps_to_24_rows_is_read_by_a_larger_terminal(
    host: GreenScreens, tmp_path: Path
) -> None:
    text = host.adapter().replace("  home: menu", "  home: menu\n  model: 5")
    async with opened(text, tmp_path) as gateway:
        said = await gateway.call("echo", {"text": "as ever"})

    assert isinstance(said, Succeeded), said
    assert said.value == {"text": "as ever"}
