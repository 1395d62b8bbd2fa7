"""A visitor without a screen: speaks to the server as a browser does, keeps what a browser keeps, and times answers.

What a browser does by itself is done here, too: parts of a page that are to run again and again are asked for at their
interval, the scrubber asks for the whole sweep once it was given a part, messages that are kept are not sent twice.
"""

import asyncio
import json
import random
import re
import time
from dataclasses import dataclass
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Element_pb2 import Element
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

_PATIENCE = 60.0  # seconds after which a change counts as not answered
_AHEAD = re.compile(r"(\d+) ahead in the queue")
_PLACE = re.compile(r'"place": (\d+)')


@dataclass
class _Wait:
    """For the end of the run that a change asks for, of the whole page or with that fragment; run: once it has begun.

    A run that is cut short for another, or whose end is never told, as happens where two requests cross, is answered
    by the next one.
    """

    fragment: str
    done: asyncio.Future
    run: str = ""


class Visitor:
    """One connection and its session.

    faults: what a person would have seen go wrong; times: (kind of change, seconds from sending it until its run was
    finished); farthest: the largest number of jobs that it was told to be before its own; pages: by their names in the
    address, as the server knows them.
    """

    def __init__(self, url: str, seed: int = 0):
        self.random = random.Random(seed)
        self.faults: list[str] = []
        self.times: list[tuple[str, float]] = []
        self.farthest = 0
        self.pages: dict[str, str] = {}
        self._url = url.replace("http", "ws", 1) + "_stcore/stream"
        self._elements: dict[tuple[int, ...], tuple[Element, str, int]] = {}  # with its fragment, and the run it is of
        self._states: dict[str, WidgetState] = {}
        self._kept: dict[str, tuple[ForwardMsg, int]] = {}
        self._page, self._run, self._finished = "", 0, 0
        self._age = 0  # for how many runs a message is kept for which nobody asks: the server says it
        self._heard_of = False  # whether a run has begun since the last request
        self._again: dict[str, tuple[float, asyncio.Task]] = {}
        self._waits: list[_Wait] = []
        self._wants = ""  # the question whose whole sweep was asked for
        self._others: set[asyncio.Task] = set()

    async def come(self) -> float:
        """Open the page; seconds until it stands."""
        began = time.monotonic()
        self._wire = await connect(self._url, subprotocols=["streamlit"], max_size=None, proxy=None)  # pyright: ignore[reportArgumentType]
        self._listening = asyncio.create_task(self._listen())
        self._listening.add_done_callback(self._over)
        await self._change("first visit", [])
        return time.monotonic() - began

    async def leave(self) -> None:
        """Close the page."""
        self._stop_again(list(self._again))
        for each in self._others:
            each.cancel()
        self._listening.cancel()
        await self._wire.close()

    # -------------------------------------------------------------------------------------------------- what is there
    def component(self, key: str) -> dict[str, Any] | None:
        """What the component of that key was told; None where there is none."""
        found = self._found(key)
        return None if found is None else json.loads(found[0].json or found[0].mixed.json)

    @property
    def looking(self) -> bool:
        """Whether a part of the page is asked for again and again: something is still to come."""
        return bool(self._again)

    def _found(self, key: str) -> tuple[Any, str] | None:
        """The widget of that key, and the fragment that it stands in."""
        for element, fragment, _ in self._elements.values():
            widget = getattr(element, element.WhichOneof("type") or "", None)
            if getattr(widget, "id", "").endswith(f"-{key}"):
                return widget, fragment
        return None

    # ------------------------------------------------------------------------------------------------ what it can do
    async def press(self, kind: str, key: str) -> None:
        """Press a button, if it is there."""
        await self._set(kind, key, trigger_value=True)

    async def choose(self, kind: str, key: str, option: str) -> None:
        """Choose in a select box, by the words that it shows."""
        await self._set(kind, key, string_value=option)

    async def tell(self, kind: str, key: str, **state: Any) -> None:
        """Let a component set its state, as the slider's release does."""
        await self._set(kind, key, json_value=json.dumps(state))

    async def turn(self, page: str) -> None:
        """Turn to another page, by its name in the address."""
        self._stop_again(list(self._again))
        await self._change(f"turn to {page or 'attack'}", [], page=self.pages[page])

    async def _set(self, kind: str, key: str, **value: Any) -> None:
        found = self._found(key)
        if found is None:
            return  # the page has moved on
        state = WidgetState(id=found[0].id, **value)
        if "trigger_value" not in value:
            self._states[state.id] = state
        await self._change(kind, [state], found[1])

    async def _change(self, kind: str, states: list[WidgetState], fragment: str = "", page: str = "") -> None:
        """Send a change, and wait until the run that it asks for is finished."""
        done = asyncio.get_running_loop().create_future()
        sent = time.monotonic()
        self._waits.append(_Wait(fragment, done))
        try:
            await self._send(states, fragment, page)
            await asyncio.wait_for(done, _PATIENCE)
        except TimeoutError:
            self.faults.append(f"{kind}: no answer in {_PATIENCE:g} s")
        except ConnectionClosed:
            self.faults.append(f"{kind}: the connection was lost")
        self.times.append((kind, time.monotonic() - sent))

    async def _send(self, states: list[WidgetState], fragment: str, page: str = "", again: bool = False) -> None:
        message = BackMsg()
        told = message.rerun_script
        now = {each.id: each for each in states}
        told.widget_states.widgets.extend({**self._states, **now}.values())
        told.fragment_id, told.is_auto_rerun = fragment, again
        told.page_script_hash = page or self._page
        told.cached_message_hashes.extend(self._kept)
        told.context_info.timezone, told.context_info.url = "UTC", "http://127.0.0.1/"
        self._heard_of = False
        await self._wire.send(message.SerializeToString())

    # ------------------------------------------------------------------------------------------------- what it hears
    async def _listen(self) -> None:
        try:
            async for data in self._wire:
                message = ForwardMsg.FromString(data)  # pyright: ignore[reportArgumentType]
                kind = message.WhichOneof("type")
                metadata = message.metadata
                if kind == "ref_hash" and message.ref_hash not in self._kept:
                    self.faults.append("the server referred to a message that is kept no longer: a browser freezes")
                    return
                if kind == "ref_hash":
                    message, kind = self._kept[message.ref_hash][0], "delta"
                if message.metadata.cacheable:
                    self._kept[message.hash] = message, self._finished
                self._heard(kind or "", message, metadata)
        except ConnectionClosed:
            pass
        self.faults.append("the connection was lost")

    def _heard(self, kind: str, message: ForwardMsg, metadata: Any) -> None:
        if kind == "new_session":
            self._starts(message, metadata)
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._takes(message, metadata)
        elif kind == "navigation":
            self.pages = {each.url_pathname: each.page_script_hash for each in message.navigation.app_pages}
            self._page = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self._repeat(message.auto_rerun.fragment_id, message.auto_rerun.interval)
        elif kind == "stop_auto_rerun":
            self._stop_again(message.stop_auto_rerun.fragment_ids)
        elif kind == "script_finished":
            self._ends(message, metadata)
        elif kind in ("page_not_found", "session_event"):
            self.faults.append(f"{kind}: {message}"[:200])

    def _starts(self, message: ForwardMsg, metadata: Any) -> None:
        self._run += 1
        self._heard_of = True
        self._age = message.new_session.config.max_cached_message_age
        run, fragments = metadata.run.script_run_id, metadata.run.fragment_ids
        for wait in self._waits:
            if wait.run or not fragments or wait.fragment in fragments:
                wait.run = run
        if not fragments:
            self._stop_again(list(self._again))
            self._page = message.new_session.page_script_hash

    def _takes(self, message: ForwardMsg, metadata: Any) -> None:
        element, fragment = message.delta.new_element, message.delta.fragment_id
        self._elements[tuple(metadata.delta_path)] = element, fragment, self._run
        kind = element.WhichOneof("type")
        if kind == "exception":
            self.faults.append(f"raised: {element.exception.type} {element.exception.message}"[:300])
        elif kind == "alert" and element.alert.format == element.alert.ERROR:
            self.faults.append(f"said: {element.alert.body}")
        elif kind == "progress":
            self._is_told(_AHEAD.search(element.progress.text))
        elif kind == "bidi_component":
            text = element.bidi_component.json or element.bidi_component.mixed.json
            self._is_told(_PLACE.search(text))
            if element.bidi_component.id.endswith("-scrubber"):
                self._completes(element.bidi_component.id, fragment, json.loads(text))

    def _is_told(self, place: re.Match | None) -> None:
        self.farthest = max(self.farthest, int(place[1]) if place else 0)

    def _completes(self, name: str, fragment: str, told: dict[str, Any]) -> None:
        """The scrubber was given a sweep: where that is a part only, it asks for the rest, once."""
        if not told["whole"] and self._wants != told["key"]:
            event = json.dumps([{"event": "whole", "value": told["key"]}])
            state = WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{name}__events", json_trigger_value=event)
            self._beside(self._change("the rest of a sweep", [state], fragment))
        self._wants = "" if told["whole"] else told["key"]

    def _ends(self, message: ForwardMsg, metadata: Any) -> None:
        status, run = message.script_finished, metadata.run
        if status == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.faults.append("a script that cannot be compiled")
        if status == ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            return
        fragments = list(run.fragment_ids)
        for wait in [wait for wait in self._waits if wait.run == run.script_run_id]:
            self._waits.remove(wait)
            if not wait.done.done():
                wait.done.set_result(None)
        self._elements = {
            path: each
            for path, each in self._elements.items()
            if each[2] >= self._run or (fragments and each[1] not in fragments)
        }
        there = {
            getattr(getattr(each, each.WhichOneof("type") or ""), "id", "") for each, *_ in self._elements.values()
        }
        self._states = {name: state for name, state in self._states.items() if name in there}
        if not self._heard_of:
            return  # what is kept was just told to the server, which may refer to it
        self._finished += 1
        self._kept = {
            name: (kept, last)
            for name, (kept, last) in self._kept.items()
            if self._finished - last <= self._age or (fragments and kept.delta.fragment_id not in fragments)
        }

    # ----------------------------------------------------------------------------------------------- what it repeats
    def _repeat(self, fragment: str, interval: float) -> None:
        if fragment in self._again and self._again[fragment][0] == interval:
            return
        self._stop_again([fragment])

        async def again() -> None:
            while True:
                await asyncio.sleep(interval)
                await self._send([], fragment, again=True)

        self._again[fragment] = interval, self._beside(again())

    def _stop_again(self, fragments: Any) -> None:
        for each in fragments:
            if each in self._again:
                self._again.pop(each)[1].cancel()

    def _beside(self, work: Any) -> asyncio.Task:
        task = asyncio.create_task(work)
        self._others.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task) -> None:
        self._others.discard(task)
        fault = None if task.cancelled() else task.exception()
        if fault is not None and not isinstance(fault, ConnectionClosed):
            self.faults.append(f"the visitor itself: {fault!r}")
