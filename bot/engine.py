"""One loaded release: a Rasa agent with the index and the settings that belong to it."""

from __future__ import annotations

import asyncio
import logging
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from rasa.core.agent import Agent
from rasa.core.channels.channel import OutputChannel, UserMessage
from rasa.core.utils import AvailableEndpoints
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.trackers import DialogueStateTracker

from bot import runtime
from bot.asking import ways_of
from bot.components.keys import TurnInput, last_baton
from bot.content import Content, ContentMaker
from bot.contract import (
    HUMAN_CHOICE,
    Choice,
    Decision,
    Reply,
    TurnOutcome,
    TurnRequest,
    decision_from_json,
)
from bot.dialogue import BATON, Dialogue, remembered
from bot.encoders import remembering
from bot.explanation import explanation
from bot.frustration import THRESHOLD
from bot.graph import InOrderRunner
from bot.mood.head import MoodHead, MoodHeadError
from bot.nlg import FAILURES
from bot.runtime import Runtime
from bot.settings import INDEX_FOLDER, MODEL_FILE, MOOD_FILE, RULES_FILE, Settings
from bot.trackers import TurnTrackers, kept_of
from bot.turnstile import Turnstile
from bot.vectors import Vectors
from bot.voice import Wording, load
from kb_index.edition import Edition
from kb_index.explain import explain
from kb_index.knowledge import Knowledge, served
from kb_index.rule_file import read_rules
from kb_index.serving import Serving, read_serving

log = logging.getLogger(__name__)

CHANNEL: Final = "baton"
ENDPOINTS: Final = Path(__file__).parent / "endpoints.yml"

_COMMAND: Final = re.compile(r"^[\s/]+")


class BotFailed(RuntimeError):
    """A turn came to no decision or no reply. The cause is logged, not shown."""


class Collected(OutputChannel):
    """Keeps every reply of one turn with its buttons and metadata; Rasa's own collector drops the latter."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    @classmethod
    def name(cls) -> str:
        """The channel's name in Rasa."""
        return CHANNEL

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Called by Rasa for each reply."""
        self.messages.append(message)


@dataclass(frozen=True, slots=True)
class Explained:
    """A turn's outcome, the dialogue after it, and what led to it as `bot.explanation` tells it."""

    outcome: TurnOutcome
    dialogue: Dialogue
    explanation: dict[str, Any]


class Engine:
    """Answers turns with one release."""

    def __init__(
        self,
        release_id: str,
        agent: Agent,
        trackers: TurnTrackers,
        here: Runtime,
        *,
        maker: ContentMaker,
        content: Content,
    ) -> None:
        self.release_id: Final = release_id
        self.maker: Final = maker
        self.content = content
        """What the next turn goes by. Replaced whole, on the event loop's thread."""
        self.vectors: Final = here.vectors
        self.agent: Final = agent
        self._trackers = trackers
        self._wording: Wording = here.wording
        self._turnstile = Turnstile()

    @property
    def knowledge(self) -> Knowledge:
        """What the next turn finds."""
        return self.content.knowledge

    @classmethod
    def load(
        cls,
        release_id: str,
        folder: Path,
        vectors: Vectors,
        settings: Settings,
        *,
        at: str,
        edition: Edition | None = None,
        serving: Serving | None = None,
    ) -> Engine:
        """Load a release's folder, as `edition` has it at the time `at`. Takes some tenths of a second, and what an edition's
        texts take to encode; call it off the event loop.

        `serving` in the place of the values that the release was published with; None: those.

        Raises:
            ServingError, RiskUnknown: the release cannot serve with these values; the message says what to do.
            IndexMismatch, CorruptIndex: the index cannot be used; the message says what to do.
            RuleError: the release's own rules cannot be read.
            ModelNotFound: Rasa cannot read the model.
        """
        serving = serving or read_serving(folder)
        knowledge = served(Knowledge.load(folder / INDEX_FOLDER, vectors.encoder), serving)
        wording = load(serving.voice or settings.voice)
        maker = ContentMaker(knowledge, vectors, remembering(vectors.encoder, settings), wording)
        here = Runtime(
            vectors=vectors,
            mood=_mood_head(folder / MOOD_FILE, vectors),
            low_confidence=settings.low_confidence,
            frustration_threshold=serving.frustration_threshold or THRESHOLD,
            wording=wording,
            rules=read_rules(folder / RULES_FILE),
        )
        trackers = TurnTrackers()
        with runtime.using(here):
            agent = Agent.load(
                str(folder / MODEL_FILE),
                generator=_endpoints().nlg,
                tracker_store=trackers,
                fingerprint=release_id,
            )
        agent.processor.graph_runner = InOrderRunner.over(agent.processor.graph_runner)
        # Rasa looks at each message for intents that its domain lacks, and makes an empty domain each time to compare
        # its own with: a twelfth of its work. Ours come from the model that was trained with this very domain.
        agent.processor._check_for_unseen_features = _nothing_unseen  # noqa: SLF001
        return cls(release_id, agent, trackers, here, maker=maker, content=maker.make(edition, at))

    async def answer(
        self, request: TurnRequest, dialogue: Dialogue, *, content: Content | None = None
    ) -> tuple[TurnOutcome, Dialogue]:
        """Answer one message that continues `dialogue`, from `content` or from what is live; also the dialogue after it.

        Raises:
            BotFailed: no decision, no reply, or a reply went missing.
        """
        with runtime.answering_from(content or self.content):
            outcome, tracker = await self._take(request, dialogue)
        return outcome, kept_of(tracker)

    async def explained(
        self, request: TurnRequest, dialogue: Dialogue, *, content: Content | None = None
    ) -> Explained:
        """As `answer`, with everything that led to the decision. Raises as it does."""
        content = content or self.content
        with runtime.answering_from(content):
            outcome, tracker = await self._take(request, dialogue, explain=True)
        told = dict(last_baton(tracker))
        read_as = neutral(request.text)
        (vector,) = self.vectors.get([read_as])
        # It compares with every stored text again, tenths of a second for 50,000 of them.
        search = await asyncio.to_thread(explain, content.knowledge, read_as, vector, locale=told["locale"])
        found = explanation(
            text=request.text,
            read_as=read_as,
            outcome=outcome,
            told=told.get("evidence") or {},
            search=search,
            training=content.knowledge.figures,
            encoder=self.vectors.encoder,
        )
        return Explained(outcome, kept_of(tracker), found)

    async def explain(self, text: str, locale: str = "en") -> dict[str, Any]:
        """Everything that leads to the decision on `text` as a first message, as JSON values: see `bot.explain`."""
        # Turns of one id would take each other's tracker.
        conversation_id = f"explain {uuid.uuid4().hex}"
        request = TurnRequest(conversation_id=conversation_id, episode=1, turn=1, text=text, locale=locale)
        return (await self.explained(request, Dialogue())).explanation

    async def _take(
        self, request: TurnRequest, dialogue: Dialogue, *, explain: bool = False
    ) -> tuple[TurnOutcome, DialogueStateTracker]:
        content = runtime.content()
        text = neutral(request.text)
        # Earlier questions are compared with this one; another bot, or this one before a restart, may have seen them.
        memory = remembered(dialogue)
        await self.vectors.prepare([text, *memory.questions])
        ways = ways_of(text, memory, request.locale)
        searches = content.searches
        if ways.texts and ways.matter(searches.ranking(text, request.locale), searches.threshold):
            await self.vectors.prepare(ways.texts)
        elif content.incidents.has_phrases:
            await self.vectors.prepare(ways.parts)
        await self._turnstile.passed()
        sender = f"{request.conversation_id}#{request.turn}"
        name = request.customer.get("name")
        given = TurnInput(
            turn=request.turn,
            locale=request.locale,
            choice=request.choice,
            name=name[:80] if isinstance(name, str) and name.strip() else None,
            explain=explain,
        )
        output = Collected()
        failures: list[Exception] = []
        token = FAILURES.set(failures)
        self._trackers.begin(sender, dialogue)
        try:
            await self.agent.handle_message(
                UserMessage(
                    text,
                    output,
                    sender,
                    input_channel=CHANNEL,
                    message_id=str(request.turn),
                    metadata=given.as_metadata(),
                )
            )
        finally:
            tracker = self._trackers.finish(sender)
            FAILURES.reset(token)
        if failures:
            raise BotFailed("the response step failed") from failures[0]
        if tracker is None:
            raise BotFailed("Rasa did not finish the turn")
        decision = _decision(tracker)
        locale = last_baton(tracker).get("locale", given.locale)
        if not output.messages:
            raise BotFailed(f"no reply to a decision to {decision.kind}")
        incident = last_baton(tracker).get("incident")
        messages = [*([] if incident is None else [{"text": incident["text"]}]), *output.messages]
        replies = tuple(self._reply(message, decision, locale) for message in messages)
        if tracker.latest_action_name != ACTION_LISTEN_NAME:
            raise BotFailed(f"the turn ended with {tracker.latest_action_name}, not listening")
        return TurnOutcome(request.turn, self.release_id, decision, replies), tracker

    def _reply(self, message: dict[str, Any], decision: Decision, locale: str) -> Reply:
        buttons: Sequence[dict[str, Any]] = message.get("buttons") or ()
        choices = [Choice(button["payload"], button["title"]) for button in buttons]
        if decision.kind != "escalate":
            choices.append(Choice(HUMAN_CHOICE, self._wording.for_locale(locale).labels[HUMAN_CHOICE]))
        text = message.get("text")
        if not text:
            raise BotFailed("a reply without text")
        return Reply(text, tuple(choices), message.get("article_id"))


@cache
def _endpoints() -> AvailableEndpoints:
    """Rasa reads the file seven times, a quarter of what loading a release takes."""
    return AvailableEndpoints.read_endpoints(str(ENDPOINTS))


def _mood_head(path: Path, vectors: Vectors) -> MoodHead | None:
    """The release's head. One that cannot be used leaves frustration unread, and customers answered."""
    if not path.exists():
        return None
    try:
        return MoodHead.load(path, dimension=vectors.encoder.general)
    except MoodHeadError as error:
        log.warning("frustration is not read with this release: %s", error)
        return None


def neutral(text: str) -> str:
    """`text` without the leading "/" that would make it a command to Rasa (`/restart`, `/intent{...}`).

    Half of a surrogate pair, which JSON can hold and nothing can store, becomes a "?".
    """
    return _COMMAND.sub("", text.encode("utf-8", "replace").decode("utf-8")).strip() or "?"


def _nothing_unseen(_parse_data: dict[str, Any]) -> None:
    """In the place of Rasa's check."""


def _decision(tracker: DialogueStateTracker) -> Decision:
    raw = last_baton(tracker).get("decision")
    if raw is None:
        raise BotFailed(f"no decision: the pipeline left no {BATON!r} on the message")
    slots = {
        name: value
        for name, value in tracker.current_slot_values().items()
        if value is not None and name not in ("requested_slot", "session_started_metadata")
    }
    language, why = last_baton(tracker).get("language"), last_baton(tracker).get("rule")
    # So that the agent's card says which rule it was.
    if why is not None:
        slots["rule"] = why
    elif raw["reason"] == "policy" and language is not None:
        slots["language"] = language
    incident = last_baton(tracker).get("incident")
    if incident is not None:
        slots["incident"] = incident["id"]
        slots["language"] = language  # so that the agent's card says which rule it was
    return decision_from_json({**raw, "slots": slots})
