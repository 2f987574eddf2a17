"""Asks the autoscaler, shows what it says, and follows it when asked."""

import asyncio
from collections import deque
from typing import Final, NamedTuple, Protocol, TextIO

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from inflight.status.api_client import ApiClient, ApiError, NoSuchRevisionError
from inflight.status.core.event_reader import Message
from inflight.status.settings import StatusSettings
from inflight.status.view import detail_view, event_sentence, list_view

EXIT_UNREACHABLE: Final = 1
EXIT_NO_SUCH_REVISION: Final = 3

_RETRY_S: Final = 1.0
_EVENTS_SHOWN: Final = 8


class Screen(NamedTuple):
    """Where to show things."""

    console: Console
    errors: TextIO

    def write(self, line: str) -> None:
        """Write a line as it is, at once."""
        print(line, file=self.console.file, flush=True)

    def complain(self, line: str) -> None:
        """Write a line where no result is expected."""
        print(line, file=self.errors, flush=True)


async def run(settings: StatusSettings, screen: Screen) -> int:
    """Show what was asked for; return the exit code."""
    try:
        async with ApiClient(settings.api) as client:
            await _show(settings, client, screen)
            if settings.watch:
                await _watch(settings, client, screen)
    except NoSuchRevisionError as error:
        screen.complain(str(error))
        return EXIT_NO_SUCH_REVISION
    except ApiError as error:
        screen.complain(str(error))
        return EXIT_UNREACHABLE
    return 0


async def _show(settings: StatusSettings, client: ApiClient, screen: Screen) -> None:
    """Show once; with --watch in a terminal only make sure that there is something to watch."""
    if settings.revision is None:
        listed = await client.revisions()
        shown: object = {"revisions": listed.revisions}
        view = list_view(listed)
    else:
        shown = detail = await client.revision(settings.revision)
        view = detail_view(detail)
    if settings.watch and (settings.json or screen.console.is_terminal):
        return
    if settings.json:
        screen.write(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
    else:
        screen.console.print(view)


class Follower(Protocol):
    """Shows what happens."""

    async def tell(self, message: Message) -> None:
        """Show a message of the stream."""
        ...

    def lose(self, reason: str) -> None:
        """Show that the autoscaler is gone for now."""
        ...


async def _watch(settings: StatusSettings, client: ApiClient, screen: Screen) -> None:
    if settings.json:
        await _follow(settings, client, JsonFollower(screen))
    elif screen.console.is_terminal:
        with Live(console=screen.console, auto_refresh=False) as live:
            await _follow(settings, client, LiveFollower(settings, client, live))
    else:
        await _follow(settings, client, PlainFollower(screen))


async def _follow(settings: StatusSettings, client: ApiClient, follower: Follower) -> None:
    """Follow until cancelled, over restarts of the autoscaler."""
    last_id = ""
    while True:
        try:
            async for message in client.follow(settings.revision, last_id):
                last_id = message.id or last_id
                await follower.tell(message)
        except ApiError as error:
            follower.lose(str(error))
        await asyncio.sleep(_RETRY_S)


class JsonFollower(Follower):
    """One JSON object a line."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def tell(self, message: Message) -> None:
        """Write the message with its kind."""
        self._write({"event": message.event, **_object(message)})

    def lose(self, reason: str) -> None:
        """Write the reason."""
        self._write({"event": "lost", "reason": reason})

    def _write(self, line: dict[str, object]) -> None:
        self._screen.write(msgspec.json.encode(line).decode())


class PlainFollower(Follower):
    """A line for each event, for a file or a pipe."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    async def tell(self, message: Message) -> None:
        """Write events, and nothing of the statuses."""
        sentence = _sentence(message)
        if sentence:
            self._screen.write(sentence)

    def lose(self, reason: str) -> None:
        """Write the reason beside the events."""
        self._screen.complain(f"{reason}; trying again")


class LiveFollower(Follower):
    """Redraws the view each second, with the last events below it."""

    def __init__(self, settings: StatusSettings, client: ApiClient, live: Live) -> None:
        self._settings = settings
        self._client = client
        self._live = live
        self._view: RenderableType = Text("")
        self._events: deque[str] = deque(maxlen=_EVENTS_SHOWN)

    async def tell(self, message: Message) -> None:
        """Draw."""
        sentence = _sentence(message)
        if sentence:
            self._events.append(sentence)
        elif self._settings.revision is not None:
            try:
                self._view = detail_view(await self._client.revision(self._settings.revision))
            except NoSuchRevisionError as error:
                self._view = Text(str(error), style="bold red")
        else:
            self._view = list_view(self._client.decode_statuses(message.data))
        self._draw()

    def lose(self, reason: str) -> None:
        """Draw the reason below what was last known."""
        self._draw(Text(f"{reason}; trying again", style="bold red"))

    def _draw(self, *more: Text) -> None:
        events = (Text(sentence, style="dim") for sentence in self._events)
        self._live.update(Group(self._view, *events, *more), refresh=True)


def _sentence(message: Message) -> str:
    """Return what an event or a gap says; empty for statuses."""
    match message.event:
        case "event":
            return event_sentence(_object(message))
        case "gap":
            missed = _object(message).get("missed")
            return f"{'unknown many' if missed is None else missed} events were missed"
        case _:
            return ""


def _object(message: Message) -> dict[str, object]:
    try:
        return msgspec.json.decode(message.data, type=dict[str, object])
    except msgspec.DecodeError as error:
        text = f"the autoscaler sent what is no JSON: {error}"
        raise ApiError(text) from error
