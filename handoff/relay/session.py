"""What a socket may say and what it means: frames in, actions out. No socket, no clock, no storage.

A session refuses what is malformed, too much or too early, and turns the rest into commands. The shell in
api/sockets.py carries the actions out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, assert_never

from handoff.domain.commands import (
    CancelHandoff,
    ClaimConversation,
    CloseConversation,
    Command,
    EndConversation,
    FinishFollowUp,
    GiveFeedback,
    LeaveContact,
    NoteAsAgent,
    RateEpisode,
    RequestHuman,
    ReturnToBot,
    SayAsAgent,
    SayAsCustomer,
    TransferConversation,
)
from handoff.domain.errors import BinaryRefused, HandoffError, RateLimited, TooLarge, Unauthorized
from handoff.relay.limits import TokenBucket
from handoff.wire import frames as f
from handoff.wire.encoding import error_body, frame

BAD_FRAMES_AT_MOST = 20
"""A client that sends so many frames nobody can read is told to go."""


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Bytes, frames a second, frames at once."""

    max_frame_bytes: int = 65_536
    rate: float = 20.0
    burst: int = 60


@dataclass(frozen=True, slots=True)
class Greet:
    """The client says who it is. `after` is the last `seq` it holds."""

    token: str | None
    after: int


@dataclass(slots=True)
class Run:
    """A command to execute; its `ack` or `nack` carries `client_id`. None: the conversation of the socket."""

    command: Command
    client_id: str
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class MarkSeen:
    seq: int
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class ShowTyping:
    on: bool
    conversation_id: str | None


@dataclass(frozen=True, slots=True)
class SetPresence:
    status: str


@dataclass(frozen=True, slots=True)
class Follow:
    conversation_id: str
    after: int


@dataclass(frozen=True, slots=True)
class Unfollow:
    conversation_id: str


@dataclass(slots=True)
class Answer:
    """A frame to send back; `refused` is the error's code where it is a refusal."""

    text: bytes
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Dismiss:
    """Say this error and close the socket."""

    error: HandoffError


Action = Greet | Run | MarkSeen | ShowTyping | SetPresence | Follow | Unfollow | Answer | Dismiss
_HELLOS: Final[frozenset[type]] = frozenset({f.CustomerHello, f.AgentHello})
_BYTES_OF_A_CHARACTER: Final = 4
"""At most, in UTF-8."""
_F = TypeVar("_F", bound=f.CustomerFrame | f.AgentFrame)


class Session(Generic[_F]):
    """The part that both kinds of socket share: size, rate, order and form of what comes in."""

    __slots__ = ("_act", "_bad_frames", "_bucket", "_greeted", "_limits", "_read")

    def __init__(
        self,
        read: Callable[[str], _F],
        act: Callable[[_F], Action],
        limits: SessionLimits,
        now_s: float,
    ) -> None:
        self._read = read
        self._act = act
        self._limits = limits
        self._bucket = TokenBucket(limits.rate, limits.burst, now_s)
        self._greeted = False
        self._bad_frames = 0

    def receive(self, data: str | bytes, now_s: float) -> Action:
        """What one message of the client asks for; `now_s` is a monotonic time in seconds."""
        try:
            return self._receive(data, now_s)
        except HandoffError as refused:
            self._bad_frames += not isinstance(refused, RateLimited)
            if self._bad_frames >= BAD_FRAMES_AT_MOST:
                return Dismiss(refused)
            client_id = f.client_id_of(data) if isinstance(data, str) and len(data) <= 1_000_000 else None
            if client_id is not None:
                return Answer(nack(client_id, refused), refused.code)
            return Answer(frame("error", **error_body(refused)), refused.code)

    def _receive(self, data: str | bytes, now_s: float) -> Action:
        if isinstance(data, bytes):
            raise BinaryRefused("Binary frames are not part of this protocol. Send JSON as text.")
        if _is_longer(data, self._limits.max_frame_bytes):
            raise TooLarge(
                f"A frame may have {self._limits.max_frame_bytes} bytes.", limit=self._limits.max_frame_bytes
            )
        wait_s = self._bucket.take(now_s)
        if wait_s > 0:
            raise RateLimited(
                "Too many frames. Send this again a little later.", retry_ms=int(wait_s * 1000) + 1
            )
        incoming = self._read(data)
        is_hello = type(incoming) in _HELLOS
        if not self._greeted and not is_hello:
            return Dismiss(Unauthorized("Say hello first."))
        if self._greeted and is_hello:
            return Dismiss(Unauthorized("This socket has said hello already. Open a new one."))
        self._greeted = True
        return self._act(incoming)


def _is_longer(text: str, limit: int) -> bool:
    """Whether a text has more bytes than `limit`; counted only where its length does not say so already."""
    if len(text) * _BYTES_OF_A_CHARACTER <= limit:
        return False
    return len(text) > limit or len(text.encode(errors="replace")) > limit


def customer_session(limits: SessionLimits, now_s: float) -> Session[f.CustomerFrame]:
    """A session for `/ws/customer`."""
    return Session(f.read_customer_frame, _act_for_customer, limits, now_s)


def agent_session(limits: SessionLimits, now_s: float) -> Session[f.AgentFrame]:
    """A session for `/ws/agent`."""
    return Session(f.read_agent_frame, _act_for_agent, limits, now_s)


def ack(client_id: str, seq: int, events: int, conversation_id: str | None = None) -> bytes:
    """The `ack` frame; agents are told the conversation as well."""
    if conversation_id is None:
        return frame("ack", client_id=client_id, seq=seq, events=events)
    return frame("ack", client_id=client_id, conversation_id=conversation_id, seq=seq, events=events)


def nack(client_id: str, error: HandoffError) -> bytes:
    """The `nack` frame: nothing happened, and why."""
    return frame("nack", client_id=client_id, **error_body(error))


def _act_for_customer(incoming: f.CustomerFrame) -> Action:
    match incoming:
        case f.CustomerHello(token=token, after=after):
            return Greet(token, after)
        case f.CustomerSay(client_id=client_id, text=text, choice=choice):
            return Run(SayAsCustomer(text, client_id, choice), client_id, None)
        case f.RequestHumanFrame(client_id=client_id):
            return Run(RequestHuman(), client_id, None)
        case f.CancelHandoffFrame(client_id=client_id):
            return Run(CancelHandoff(), client_id, None)
        case f.EndFrame(client_id=client_id):
            return Run(EndConversation(), client_id, None)
        case f.RateFrame(client_id=client_id, metric=metric, score=score, comment=comment):
            return Run(RateEpisode(metric, score, comment), client_id, None)
        case f.FeedbackFrame(client_id=client_id, seq=seq, helpful=helpful):
            return Run(GiveFeedback(seq, helpful), client_id, None)
        case f.LeaveContactFrame(client_id=client_id, email=email, text=text):
            return Run(LeaveContact(email, text), client_id, None)
        case f.SeenFrame(seq=seq):
            return MarkSeen(seq, None)
        case f.TypingFrame(on=on):
            return ShowTyping(on, None)
        case f.Ping():
            return Answer(frame("pong"))
        case _:
            assert_never(incoming)


def _act_for_agent(incoming: f.AgentFrame) -> Action:
    match incoming:
        case f.AgentHello(token=token):
            return Greet(token, 0)
        case f.PresenceFrame(status=status):
            return SetPresence(status)
        case f.Subscribe(conversation_id=conversation_id, after=after):
            return Follow(conversation_id, after)
        case f.Unsubscribe(conversation_id=conversation_id):
            return Unfollow(conversation_id)
        case f.AgentTyping(conversation_id=conversation_id, on=on):
            return ShowTyping(on, conversation_id)
        case f.AgentSeen(conversation_id=conversation_id, seq=seq):
            return MarkSeen(seq, conversation_id)
        case f.Ping():
            return Answer(frame("pong"))
        case _:
            return Run(_agent_command(incoming), incoming.client_id, incoming.conversation_id)


def _agent_command(
    incoming: f.ClaimFrame
    | f.AgentSay
    | f.NoteFrame
    | f.TransferFrame
    | f.ReturnToBotFrame
    | f.CloseFrame
    | f.FollowUpDoneFrame,
) -> Command:
    match incoming:
        case f.ClaimFrame(takeover=takeover):
            return ClaimConversation(takeover)
        case f.AgentSay(text=text, client_id=client_id):
            return SayAsAgent(text, client_id)
        case f.NoteFrame(text=text):
            return NoteAsAgent(text)
        case f.TransferFrame(to=to, note=note):
            return TransferConversation(to.model_dump(exclude_none=True), note)
        case f.ReturnToBotFrame(outcome=outcome, note=note):
            return ReturnToBot(outcome, note)
        case f.CloseFrame(after=after, outcome=outcome):
            return CloseConversation(after, outcome)
        case f.FollowUpDoneFrame(outcome=outcome):
            return FinishFollowUp(outcome)
        case _:
            assert_never(incoming)
