"""Turns in order and once each: repeats, rivals and hand-backs, before and after Rasa.

A turn that is running is joined by its repeats, a finished one is answered from the store, and the next message of a
conversation waits for the one before it. A turn that fails leaves the dialogue as it was, so that it can be
tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

from bot.contract import TurnOutcome, TurnRequest
from bot.dialogue import Dialogue, unpacked
from bot.dialogues import Dialogues, Stored


class TurnOvertaken(RuntimeError):
    """A newer turn of the conversation has been answered and this one's answer is no longer kept."""

    def __init__(self, turn: int, last_turn: int) -> None:
        super().__init__(f"Turn {turn} is older than turn {last_turn}, which has been answered already.")
        self.last_turn: Final = last_turn


class Answering(Protocol):
    """What turns need of a loaded release."""

    async def answer(self, request: TurnRequest, dialogue: Dialogue) -> tuple[TurnOutcome, Dialogue]:
        """Answer one message that continues `dialogue`; also the dialogue after it."""


class _Running(NamedTuple):
    """A turn that goes on, and the release that was named for it."""

    release_id: str | None
    task: asyncio.Task[TurnOutcome]


class Turns:
    """Takes the turns of all conversations of one bot."""

    def __init__(self, store: Dialogues, engine_for: Callable[[str | None], Awaitable[Answering]]) -> None:
        """`engine_for` gives the release that answers: the named one, or with None the live one."""
        self._store = store
        self._engine_for = engine_for
        self._running: dict[tuple[str, int], _Running] = {}
        self._order: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def take(self, request: TurnRequest) -> TurnOutcome:
        """The answer to a turn, whichever caller asks first.

        A caller that goes away does not stop the turn: its repeat finds the answer. A repeat that wants it of another
        release does: whoever asks so has given the first one up, and must not wait until that is loaded.

        Raises:
            TurnOvertaken: a newer turn is already answered, or this one was asked of another release.
            Whatever the release raises; the dialogue has then not moved.
        """
        key = (request.conversation_id, request.turn)
        running = self._running.get(key)
        if running is not None and running.release_id != request.release_id:
            running.task.cancel()
            running = None
        if running is None:
            task = asyncio.get_running_loop().create_task(self._turn(request), name=f"turn {key}")
            running = self._running[key] = _Running(request.release_id, task)
            task.add_done_callback(lambda done: self._finished(key, done))
        try:
            return await asyncio.shield(running.task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise TurnOvertaken(request.turn, request.turn) from None

    async def settle(self) -> None:
        """Wait for every turn that is running."""
        if self._running:
            await asyncio.wait([running.task for running in self._running.values()])

    def _finished(self, key: tuple[str, int], task: asyncio.Task[TurnOutcome]) -> None:
        running = self._running.get(key)
        if running is not None and running.task is task:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # a caller that went away must not make this an unretrieved one

    async def _turn(self, request: TurnRequest) -> TurnOutcome:
        lock = self._order.get(request.conversation_id)
        if lock is None:
            lock = self._order.setdefault(request.conversation_id, asyncio.Lock())
        async with lock:
            stored = self._store.load(request.conversation_id)
            if stored is not None and request.turn <= stored.last_turn:
                known = self._store.reply(request.conversation_id, request.turn)
                if known is None:
                    raise TurnOvertaken(request.turn, stored.last_turn)
                return known
            engine = await self._engine_for(request.release_id)
            before = continued(stored, request)
            outcome, after = await engine.answer(request, before)
            outcome = replace(outcome, dialogue=after.packed(request.episode))
            return await self._store.commit(
                request.conversation_id, request.episode, outcome, state=after, previous=before
            )


def continued(stored: Stored | None, request: TurnRequest) -> Dialogue:
    """The dialogue that a turn continues.

    Where the relay gives the dialogue back, it says what has happened: this bot may have missed turns that another
    answered, or have answered one that was never recorded. A new episode starts afresh. A last turn whose outcome was discarded (a person took over while it was being
    answered) has not happened for the customer. After a person had the conversation the form is closed and
    the memory eased, also where the agent left without a word of outcome.
    """
    context = request.context
    if request.dialogue is not None:
        episode, state = unpacked(request.dialogue)
    elif stored is not None:
        discarded = stored.last_turn in context.discarded_turns
        episode, state = stored.episode, stored.previous if discarded else stored.state
    else:
        return Dialogue()
    if episode != request.episode:
        return Dialogue()
    by_agent = any(said.actor == "agent" for said in context.said_since_last_turn)
    return state.handed_back() if context.handback is not None or by_agent else state
