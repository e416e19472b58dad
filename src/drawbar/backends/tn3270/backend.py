"""Sessions of one application. Each is at home between calls, or it is thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from drawbar.backends.tn3270.options import Tn3270BackendSpec
from drawbar.backends.tn3270.screens import Place, Route, Screen, Shown, Spot, rows, values
from drawbar.backends.tn3270.terminal import Terminal, open_terminal, unexpected
from drawbar.codecs.codec import CodecError
from drawbar.codecs.payload import refused
from drawbar.codecs.text import record_text
from drawbar.kernel.ports import BackendError, Call, Cut, Health, Reply, WorkState
from drawbar.kernel.values import JsonObject, JsonValue
from drawbar.wire.ending import undisturbed

_PATIENCE = 3.0
"""Seconds in which an application that has answered a key draws the rest of its screen."""
_LOOK_EVERY = 0.03
_MOST_BACK = 8
"""Keys that may be needed to come home."""
_HOME_TIME = 2.0
_RESERVE = 0.1
"""Seconds of a call that are left for telling its answer."""
_HEALTH_TIME = 4.5


class Tn3270Backend:
    """Fills the port `drawbar.kernel.ports.Backend`."""

    def __init__(
        self, spec: Tn3270BackendSpec, screens: Mapping[str, Screen], folder: Path
    ) -> None:
        self._spec = spec
        self._folder = folder
        self._screens = screens
        self._home = screens[spec.home]
        self._places = asyncio.Semaphore(spec.sessions)
        self._idle: list[Terminal] = []
        self._busy: set[Terminal] = set()
        self._closed = False

    async def invoke(self, binding: Route, call: Call) -> Reply:
        """Go through the screens, or say in a dry run what would be typed and pressed."""
        typed = [
            {
                name: self._typed(name, place, template.fill(call.arguments))
                for name, place, template in step.fills
            }
            for step in binding.steps
        ]
        if call.mode == "dry_run":
            return Reply({"request": {"steps": _described(binding, typed)}})
        async with self._places:
            terminal = await self._session()
            self._busy.add(terminal)
            at_home = False
            try:
                reply = await self._walk(terminal, binding, typed, call)
                at_home = await self._go_home(terminal, call)
            except BackendError as error:
                if error.code != "connection_lost":
                    at_home = await self._go_home(terminal, call)
                raise self._told(error, call, changes=binding.changes) from None
            finally:
                self._busy.discard(terminal)
                if at_home and not self._closed:
                    self._idle.append(terminal)
                else:
                    await undisturbed(terminal.close())
        return reply

    async def health(self) -> Health:
        """Whether a new session shows the first screen of the way in."""
        first = self._screens[self._spec.logon[0].on] if self._spec.logon else self._home
        terminal = None
        try:
            async with asyncio.timeout(_HEALTH_TIME):
                terminal = await open_terminal(self._spec, self._folder)
                await self._wait(terminal, [first], "not_started")
        except TimeoutError:
            return Health(ok=False, detail=f"no screen within {_HEALTH_TIME} s")
        except BackendError as error:
            return Health(ok=False, detail=error.message)
        finally:
            if terminal is not None:
                await terminal.close()
        return Health(ok=True, detail=f"the application shows `{first.name}`")

    async def close(self) -> None:
        """Hang up every session; a call under way fails."""
        self._closed = True
        terminals = [*self._idle, *self._busy]
        self._idle.clear()
        for terminal in terminals:
            await terminal.close()

    async def _session(self) -> Terminal:
        """One that is at home: kept and still there, or a new one."""
        if self._closed:
            raise BackendError(
                "The backend was closed.", code="backend_unavailable", work="not_started"
            )
        while self._idle:
            terminal = self._idle.pop()
            try:
                if (await terminal.shown()).has(self._home.marks):
                    return terminal
            except BackendError:
                pass  # it was lost while nobody looked; the next one is tried
            except BaseException:
                await undisturbed(terminal.close())
                raise
            await terminal.close()
        terminal = await open_terminal(self._spec, self._folder)
        try:
            await self._log_on(terminal)
        except BaseException:
            await undisturbed(terminal.close())
            raise
        return terminal

    async def _log_on(self, terminal: Terminal) -> None:
        refusals = [screen for screen in self._screens.values() if screen.code is not None]
        for step in self._spec.logon:
            screen = self._screens[step.on]
            await self._expect(terminal, screen, refusals, "not_started")
            shown = await terminal.shown()
            for name, secret in step.fill.items():
                place = _open_field(shown, screen, name, screen.inputs[name])
                await terminal.fill(place, secret.reveal())
            await terminal.press(step.press)
        await self._expect(terminal, self._home, refusals, "not_started")

    async def _walk(
        self, terminal: Terminal, route: Route, typed: list[dict[str, str]], call: Call
    ) -> Reply:
        work: WorkState = "not_started"
        for index, (step, texts) in enumerate(zip(route.steps, typed, strict=True)):
            shown = await self._expect(terminal, step.screen, route.refusals, work)
            for name, spot, _ in step.fills:
                place = _open_field(shown, step.screen, name, spot)
                await terminal.fill(place, texts[name])
            if route.changes and index == len(route.steps) - 1:
                call.progress.mark_sent()
                work = "unknown"
            await terminal.press(step.key)
        shown = await self._expect(terminal, route.shows, route.refusals, work)
        return await self._read(terminal, route.shows, shown, call)

    async def _expect(
        self,
        terminal: Terminal,
        wanted: Screen,
        refusals: list[Screen] | tuple[Screen, ...],
        work: WorkState,
    ) -> Shown:
        """The wanted screen. Raises BackendError for one that says no, and for any other."""
        screen, shown = await self._wait(terminal, [*refusals, wanted], work)
        if screen is wanted:
            return shown
        said = shown.text(screen.message).strip() if screen.message else shown.heading
        raise BackendError(
            said,
            code=screen.code or "backend_error",
            work="not_started" if work == "not_started" else "rolled_back",
            facts={"screen": screen.name},
        )

    async def _wait(
        self, terminal: Terminal, screens: list[Screen], work: WorkState
    ) -> tuple[Screen, Shown]:
        """The first of these that is there."""
        loop = asyncio.get_running_loop()
        end = loop.time() + _PATIENCE
        while True:
            shown = await terminal.shown()
            for screen in screens:
                if shown.has(screen.marks):
                    return screen, shown
            if loop.time() >= end:
                names = [f"`{screen.name}`" for screen in screens if screen.code is None]
                raise unexpected(shown, names, work=work)
            await asyncio.sleep(_LOOK_EVERY)

    async def _read(self, terminal: Terminal, screen: Screen, shown: Shown, call: Call) -> Reply:
        value: JsonObject = values(screen, shown)
        if screen.rows is None:
            return Reply(value)
        found = list(rows(screen.rows, shown))
        while screen.rows.more and shown.has(screen.rows.more) and len(found) <= call.max_rows:
            await terminal.press(screen.rows.next)
            _, shown = await self._wait(terminal, [screen], "unknown")
            found += rows(screen.rows, shown)
        more = screen.rows.more and shown.has(screen.rows.more)
        value["rows"] = list[JsonValue](found[: call.max_rows])
        if len(found) <= call.max_rows:
            return Reply(value)
        total = None if more else len(found)
        return Reply(value, cuts=(Cut(call.max_rows, total, "rows", "Ask for less at a time."),))

    async def _go_home(self, terminal: Terminal, call: Call) -> bool:
        """Whether it is there in what is left of the time; that never makes a call fail whose answer is known."""
        try:
            async with asyncio.timeout(min(_HOME_TIME, call.remaining() - _RESERVE)):
                for _ in range(_MOST_BACK):
                    if (await terminal.shown()).has(self._home.marks):
                        return True
                    await terminal.press(self._spec.back)
        except (BackendError, TimeoutError):
            return False
        return False

    def _typed(self, name: str, place: Spot, text: str) -> str:
        """Raises BackendError `invalid_arguments` for a text that the screen would not keep as it is."""
        try:
            record_text(text).encode(self._spec.code_page)
        except CodecError as error:
            raise refused(name, error.message) from None
        except UnicodeEncodeError as error:
            letter = text[error.start]
            raise refused(name, f"{letter!r} does not exist in {self._spec.code_page}") from None
        if len(text) > place.length:
            raise refused(
                name, f"it is {len(text)} long, and the field has room for {place.length}"
            )
        if text != text.rstrip(" "):
            raise refused(name, "it ends with a blank, which a screen does not keep")
        return text

    def _told(self, error: BackendError, call: Call, *, changes: bool) -> BackendError:
        """What became of the work. A session that was lost before the changing key was pressed has changed nothing."""
        if error.code == "connection_lost" and changes and not call.progress.sent:
            error.work = "not_started"
        if error.code == "bad_reply" and changes:
            error.work = "done"
        if self._closed and error.code == "connection_lost":
            error.message = "The session was lost: the gateway closed it."
        return error


def _open_field(shown: Shown, screen: Screen, name: str, spot: Spot) -> Place:
    """Where it is typed into now. Raises BackendError where that cannot be: nothing was typed into it."""
    try:
        place = shown.place(spot, typed=True)
    except BackendError as error:
        error.work = "not_started"
        raise
    if place is None or not shown.takes(place):
        raise BackendError(
            f"`{name}` of the screen `{screen.name}` cannot be typed into any more.",
            code="unexpected_screen",
            work="not_started",
        )
    return place


def _described(route: Route, typed: list[dict[str, str]]) -> list[JsonValue]:
    return [
        {"on": step.screen.name, "fill": {**texts}, "press": step.key}
        for step, texts in zip(route.steps, typed, strict=True)
    ]
