"""What a command makes happen in a conversation, or why it is refused. Pure: see conversation.py.

`decide(state, actor, command, now, rules)` returns the events to append, in order; an empty list says that
there was nothing left to do. Every refusal is a `HandoffError`.
"""

from __future__ import annotations

from typing import Any, assert_never

from bot.contract import HUMAN_CHOICE, decision_to_json
from handoff.domain.commands import (
    AgentCommand,
    CancelHandoff,
    ClaimConversation,
    CloseConversation,
    Command,
    CustomerCommand,
    EndConversation,
    FinishFollowUp,
    GiveFeedback,
    LeaveContact,
    NoteAsAgent,
    PassTime,
    RaiseAlert,
    RateEpisode,
    RecordTurn,
    RecordTurnFailure,
    ReleaseLease,
    RequestHuman,
    ReturnToBot,
    SayAsAgent,
    SayAsCustomer,
    StartConversation,
    SystemCommand,
    TellBotIsBack,
    TellBotIsDown,
    TellIncident,
    TransferConversation,
)
from handoff.domain.conversation import Conversation
from handoff.domain.deadlines import notice, pass_time, raise_alert
from handoff.domain.errors import AlreadyClaimed, BadFrame, NewMessages, NotFound, NotHolder, WrongState
from handoff.domain.events import (
    BOT,
    INCIDENT,
    SYSTEM,
    Actor,
    AgentJoined,
    AgentLeft,
    AgentNoted,
    AgentSaid,
    BotReplied,
    BotReplyDiscarded,
    ContactFollowedUp,
    ConversationClosed,
    ConversationReturnedToBot,
    ConversationStarted,
    ConversationTransferred,
    CustomerGaveFeedback,
    CustomerLeftContact,
    CustomerRated,
    CustomerSaid,
    EpisodeStarted,
    HandoffCancelled,
    HandoffRequested,
    NewEvent,
    Payload,
    SystemNotice,
)
from handoff.domain.rules import ASK_BOT_CHOICE, SCALES, Rules
from handoff.domain.summary import summarise

Evidence = dict[str, Any]


def decide(state: Conversation, actor: Actor, command: Command, now: int, rules: Rules) -> list[NewEvent]:
    """The events that `command` by `actor` makes happen at `now` (milliseconds since the epoch).

    Raises:
        HandoffError: the command is refused; nothing happens.
    """
    if state.state == "none" and not isinstance(command, StartConversation):
        raise NotFound("There is no such conversation.")
    match command:
        case (
            SayAsCustomer()
            | RequestHuman()
            | CancelHandoff()
            | EndConversation()
            | RateEpisode()
            | GiveFeedback()
            | LeaveContact()
        ):
            return _decide_for_customer(state, actor, command, now, rules)
        case (
            ClaimConversation()
            | SayAsAgent()
            | NoteAsAgent()
            | TransferConversation()
            | ReturnToBot()
            | CloseConversation()
            | FinishFollowUp()
        ):
            return [NewEvent(actor, payload) for payload in _decide_for_agent(state, actor, command)]
        case _:
            return _decide_for_system(state, actor, command, now, rules)


# --- customers ------------------------------------------------------------------------------------------


def _decide_for_customer(
    state: Conversation,
    actor: Actor,
    command: CustomerCommand,
    now: int,
    rules: Rules,
) -> list[NewEvent]:
    match command:
        case SayAsCustomer():
            return _say_as_customer(state, actor, command, now, rules)
        case RequestHuman(reason):
            _require(state, "bot")
            return [NewEvent(actor, _handoff(state, reason, _evidence(state)))]
        case CancelHandoff():
            _require(state, "waiting")
            return [NewEvent(actor, HandoffCancelled())]
        case EndConversation():
            _require(state, "bot", "waiting", "agent")
            return [NewEvent(actor, ConversationClosed(by="customer", episode=state.episode))]
        case RateEpisode(metric, score, comment):
            least, most = SCALES[metric]
            if not least <= score <= most:
                raise BadFrame(f"{metric} is {least} to {most}.", field="score", least=least, most=most)
            return [NewEvent(actor, CustomerRated(metric, score, state.episode, comment))]
        case GiveFeedback(seq, helpful):
            if seq > state.customer_seq:
                raise BadFrame("There is no such message to give feedback on.", field="seq")
            return [NewEvent(actor, CustomerGaveFeedback(seq, helpful))]
        case LeaveContact(email, text):
            _require(state, "waiting")
            return [
                NewEvent(actor, CustomerLeftContact(email, text)),
                NewEvent(actor, ConversationClosed(by="customer", episode=state.episode)),
            ]
        case _:
            assert_never(command)


def _say_as_customer(
    state: Conversation, actor: Actor, command: SayAsCustomer, now: int, rules: Rules
) -> list[NewEvent]:
    said = CustomerSaid(command.text, command.client_id, command.choice)
    if command.choice is not None and command.choice not in state.offer:
        raise BadFrame("This choice is no longer offered. Send the text without it.", field="choice")
    events: list[Payload] = [said]
    if state.state == "closed":
        events.insert(0, EpisodeStarted(state.episode + 1))
        if state.closed_by_agent is not None and now - state.closed_at <= rules.reopen_same_agent_ms:
            evidence = _evidence(state, trigger_seq=state.seq + 2)
            events.append(
                _handoff(
                    state,
                    "reopened",
                    evidence,
                    episode=state.episode + 1,
                    offered_to=state.closed_by_agent,
                )
            )
    elif state.state == "bot" and command.choice == HUMAN_CHOICE:
        events.append(_handoff(state, "asked", _evidence(state, trigger_seq=state.seq + 1)))
    elif state.state == "waiting" and command.choice == ASK_BOT_CHOICE:
        events.append(HandoffCancelled())
    return [NewEvent(actor, payload) for payload in events]


# --- agents ---------------------------------------------------------------------------------------------


def _decide_for_agent(
    state: Conversation,
    actor: Actor,
    command: AgentCommand,
) -> list[Payload]:
    match command:
        case ClaimConversation(takeover):
            return _claim(state, actor, takeover=takeover)
        case SayAsAgent(text, client_id):
            _require_holder(state, actor)
            return [AgentSaid(text, client_id)]
        case NoteAsAgent(text):
            return [AgentNoted(text)]
        case TransferConversation(to, note):
            _require(state, "agent")
            _require_holder(state, actor)
            return [ConversationTransferred(to, note)]
        case ReturnToBot(outcome, note):
            _require(state, "agent")
            _require_holder(state, actor)
            return [ConversationReturnedToBot(outcome, note)]
        case CloseConversation(after, outcome):
            _require(state, "bot", "waiting", "agent")
            if state.state == "agent":
                _require_holder(state, actor)
            if state.last_customer_seq > after:
                raise NewMessages(
                    "The customer wrote again. Read it, then close.",
                    last_customer_seq=state.last_customer_seq,
                )
            return [ConversationClosed(by="agent", episode=state.episode, outcome=outcome)]
        case FinishFollowUp(outcome):
            if state.follow_up is None:
                raise WrongState("No follow-up is open here: somebody has done it.", state=state.state)
            return [ContactFollowedUp(outcome)]
        case _:
            assert_never(command)


def _claim(state: Conversation, actor: Actor, *, takeover: bool) -> list[Payload]:
    _require(state, "waiting", "agent")
    joined = AgentJoined(state.handoff_id or "")
    if state.state == "waiting":
        return [joined]
    if state.holder_id == actor.id:
        return []
    if not takeover:
        raise AlreadyClaimed(
            f"{state.holder_name} already holds this conversation.",
            holder={"id": state.holder_id, "name": state.holder_name},
        )
    return [ConversationTransferred({"agent": actor.id}, None), joined]


# --- the bot, the clock and the leases ---------------------------------------------------------------------


def _decide_for_system(
    state: Conversation,
    actor: Actor,
    command: SystemCommand,
    now: int,
    rules: Rules,
) -> list[NewEvent]:
    match command:
        case StartConversation(locale, page):
            if state.state != "none":
                return []
            return [NewEvent(actor, ConversationStarted(locale, page))]
        case RecordTurn():
            return _record_turn(state, command)
        case RecordTurnFailure(turn):
            if state.state != "bot" or turn not in state.open_turns:
                return []
            return [NewEvent(SYSTEM, _handoff(state, "bot_error", _evidence(state, trigger_seq=turn)))]
        case TellBotIsDown(turn):
            if state.state != "bot" or turn not in state.open_turns or state.told_bot_is_down:
                return []
            return [notice("bot_warming", rules)]
        case TellBotIsBack():
            return _tell_bot_is_back(state, rules)
        case ReleaseLease(agent_id):
            if state.state != "agent" or state.holder_id != agent_id:
                return []
            return [NewEvent(SYSTEM, AgentLeft("lease_expired"))]
        case RaiseAlert():
            return raise_alert(state, command)
        case TellIncident(text):
            if state.state not in ("bot", "waiting", "agent"):
                return []
            return [NewEvent(SYSTEM, SystemNotice(INCIDENT, text))]
        case PassTime():
            return pass_time(state, now, rules)
        case _:
            assert_never(command)


def _tell_bot_is_back(state: Conversation, rules: Rules) -> list[NewEvent]:
    # Put back at the front: somebody claimed it meanwhile, and the question may be settled.
    claimed = state.at_front
    if state.state != "waiting" or state.reason != "bot_error" or claimed or not state.open_turns:
        return []
    return [] if ASK_BOT_CHOICE in state.offer else [notice("bot_back", rules)]


def _record_turn(state: Conversation, command: RecordTurn) -> list[NewEvent]:
    if command.turn not in state.open_turns:
        # The turn has its outcome already: a repeat by another process, or one that came after its failure.
        return []
    if state.state != "bot":
        return [NewEvent(BOT, BotReplyDiscarded(command.turn))]
    outcome = command.outcome
    decision = decision_to_json(outcome.decision)
    titles = {passage.article_id: passage.title for passage in outcome.decision.passages}
    events = [
        NewEvent(
            BOT,
            BotReplied(
                turn=command.turn,
                release_id=outcome.release_id,
                kind=outcome.decision.kind,
                text=reply.text,
                choices=tuple({"id": c.id, "label": c.label} for c in reply.choices),
                article_id=reply.article_id,
                article_title=titles.get(reply.article_id or ""),
                decision=decision if index == 0 else None,
            ),
        )
        for index, reply in enumerate(outcome.replies)
    ]
    if outcome.decision.kind == "escalate":
        evidence = _evidence_of(decision, trigger_seq=command.turn)
        events.append(NewEvent(BOT, _handoff(state, outcome.decision.reason, evidence)))
    return events


# --- shared -----------------------------------------------------------------------------------------------


def _require(state: Conversation, *allowed: str) -> None:
    if state.state not in allowed:
        raise WrongState(
            f"This cannot be done while the conversation is in state {state.state}.", state=state.state
        )


def _require_holder(state: Conversation, actor: Actor) -> None:
    if state.state != "agent" or state.holder_id != actor.id:
        holder = {"id": state.holder_id, "name": state.holder_name} if state.holder_id else None
        raise NotHolder(
            "You do not hold this conversation, so nothing was sent. Your text is still yours to copy.",
            state=state.state,
            holder=holder,
        )


def _handoff(
    state: Conversation,
    reason: str,
    evidence: Evidence,
    *,
    episode: int | None = None,
    offered_to: str | None = None,
) -> HandoffRequested:
    return HandoffRequested(
        # Counted, not drawn: the same command decided again after a conflict names the same handoff.
        handoff_id=f"{state.id}.{state.handoffs + 1}",
        episode=episode or state.episode,
        reason=reason,
        evidence=evidence,
        summary=summarise(state, reason, evidence["trigger_seq"]),
        offered_to=offered_to,
    )


def _evidence(state: Conversation, trigger_seq: int | None = None) -> Evidence:
    """What the bot last decided on: the customer's wish trips the handoff, the story explains it."""
    # Asked for before any word was said: then the request itself, which is the next event, is what there is.
    trigger = trigger_seq or state.last_customer_seq or state.seq + 1
    return _evidence_of(dict(state.last_decision or {}), trigger_seq=trigger)


def _evidence_of(decision: Evidence, *, trigger_seq: int) -> Evidence:
    return {
        "trigger_seq": trigger_seq,
        "confidence": decision.get("confidence"),
        "threshold": decision.get("threshold"),
        "answerable": decision.get("answerable"),
        "frustration": decision.get("frustration"),
        "frustration_threshold": decision.get("frustration_threshold"),
        "signals": decision.get("signals", []),
        "intent": decision.get("intent"),
        "passages": decision.get("passages", []),
        "slots": decision.get("slots", {}),
    }
