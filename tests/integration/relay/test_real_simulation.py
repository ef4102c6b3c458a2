"""Past conversations held again by the bot's own program under other values, asked for over HTTP. Two minutes, most of it training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot.contract import TurnOutcome, TurnRequest
from handoff.adapters.clock import SystemClock
from handoff.bootstrap import open_database
from handoff.content.commands import import_content
from handoff.content.store import ContentStore
from handoff.settings import PROJECT_ROOT, Settings
from tests.integration.relay.harness import outcome, running_relay
from tests.integration.relay.studio import Editor, editor
from tests.integration.relay.test_studio_review import asks
from tests.integration.relay.test_studio_training import until_ended

MINUTES = 15
SURE = (
    "can you gift wrap my order",
    "do you take paypal",
    "how long does a refund take",
    "can I cancel my order",
)
WANTS_A_PERSON = "I want to talk to a human"
FURIOUS = "I am furious, this is the third time I ask and your service is a disgrace"


async def scripted(request: TurnRequest) -> TurnOutcome:
    """What took place, whatever the program makes of it."""
    if request.text in (WANTS_A_PERSON, FURIOUS):
        reason: Any = "asked" if request.text == WANTS_A_PERSON else "frustration"
        return outcome(request, "A person comes.", kind="escalate", reason=reason)
    return outcome(request, "So it is.")


async def simulated(edda: Editor, **values: float) -> dict[str, Any]:
    """What a simulation of a week comes to."""
    job = (await edda.post("/simulations", {"days": 7, **values}))["job"]
    assert job["kind"] == "simulate"
    done = await until_ended(edda, job, patience_s=MINUTES * 60)
    assert (done["state"], done["error"]) == ("done", None)
    found: dict[str, Any] = (await edda.get(f"/simulations/{job['id']}"))["simulation"]
    return found


@pytest.mark.timeout(MINUTES * 60)
async def test_other_values_are_tried_on_what_customers_asked(tmp_path: Path) -> None:
    home = tmp_path / "home"
    engine = await open_database(Settings(home=home))
    await import_content(ContentStore(engine, SystemClock()), PROJECT_ROOT / "kb_index" / "articles")
    await engine.dispose()
    async with running_relay(home) as at, editor(at) as edda:
        training = (await edda.post("/trainings", {"fine_tune": False}))["job"]
        trained = await until_ended(edda, training, patience_s=MINUTES * 60)
        await edda.post(f"/releases/{trained['release_id']}/publish")
        assert (await edda.get("/settings"))["live"] == {"risk": 0.02, "frustration": 0.7}
        assert (await edda.refused("GET", f"/simulations/{training['id']}"))[0] == 404
        at.bot.answer = scripted
        for text in (*SURE, WANTS_A_PERSON, FURIOUS):
            await asks(at, text)

        # With the values that it has, the bot does what it did, turn for turn.
        same = await simulated(edda)
        assert same["before"] == same["after"]
        assert (same["changes"], same["conversations"], same["turns"]) == ([], 6, 6)
        assert (same["before"]["answered"], same["before"]["handed_over"]) == (4, 2)
        assert (same["before"]["hours"], same["before"]["missed"]) == (0.2, 0)
        assert not {"stage_seconds", "stage_began"} & same.keys()

        # Hardly a wrong answer allowed: fewer answers, and nobody who wants a person is kept from one.
        strict = await simulated(edda, risk=0.001)
        assert strict["before"] == same["before"]
        assert strict["after"]["answered"] < strict["before"]["answered"]
        assert (strict["after"]["missed"], strict["values"]) == (0, {"risk": 0.001})
        assert {change["before"]["kind"] for change in strict["changes"]} == {"answer"}

        # Nobody is upset enough: one who was gets no person.
        deaf = await simulated(edda, frustration=0.95)
        assert (deaf["after"]["handed_over"], deaf["after"]["missed"]) == (1, 1)
        assert [change["before"]["reason"] for change in deaf["changes"]] == ["frustration"]
        assert list((home / "run").glob("simulating*")) == []

        # What is used is what is live, and what the next simulation starts from.
        await edda.post("/values", {"risk": 0.001})
        assert (await edda.get("/settings"))["live"] == {"risk": 0.001, "frustration": 0.7}
        assert (await simulated(edda))["before"] == strict["after"]
