"""The console over recorded frames."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.hands import Console, NewPage
from tests.browser.recorded_relay import HUMAN, MAYA, RecordedRelay
from tests.browser.stories import escalated, held

PRIYA = {"type": "agent", "id": "u-priya", "name": "Priya Nair"}


def open_console(relay: RecordedRelay, new_page: NewPage) -> Console:
    page = new_page(viewport={"width": 1440, "height": 900})
    page.goto(f"{relay.url}/console")
    console = Console(page)
    expect(console.queue).to_be_visible()
    return console


def focused(page: Page) -> str:
    words: str = page.evaluate("document.activeElement.innerText ?? ''")
    return words


def test_a_wrong_password_is_refused_and_a_right_one_opens(relay: RecordedRelay, new_page: NewPage) -> None:
    relay.logged_in = False
    console = Console(new_page())
    console.log_in(relay.url, "maya", "wrong")
    expect(console.page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    console.page.get_by_label("Password").fill("right")
    console.page.keyboard.press("Enter")
    expect(console.queue).to_be_visible()


def test_a_one_time_password_must_be_changed(relay: RecordedRelay, new_page: NewPage) -> None:
    relay.logged_in, relay.must_change = False, True
    console = Console(new_page())
    console.log_in(relay.url, "maya", "right")
    new, again = (
        console.page.get_by_label(label, exact=True) for label in ("New password", "New password, again")
    )
    for first, second, words in (
        ("short", "short", "12 to 128"),
        ("long enough for it", "another one here", "differ"),
    ):
        new.fill(first)
        again.fill(second)
        console.page.keyboard.press("Enter")
        expect(console.page.get_by_role("alert")).to_contain_text(words)
    again.fill("long enough for it")
    console.page.keyboard.press("Enter")
    expect(console.queue).to_be_visible()


def test_the_longest_waiting_is_first_and_an_outage_is_one_line(
    relay: RecordedRelay, new_page: NewPage
) -> None:
    escalated(relay, "Early Bird")
    for _ in range(3):
        escalated(relay, None, "bot_error", group="bot_error")
    escalated(relay, "Late Owl", "asked")
    console = open_console(relay, new_page)
    expect(console.items.locator(".item-name")).to_have_text(["Early Bird", "Late Owl"])
    expect(console.items.locator(".chip")).to_have_text(["Frustration", "Asked"])
    fold = console.queue.get_by_role("button", name=re.compile("Bot outage: 3 chats"))
    fold.click()
    expect(console.items).to_have_count(5)
    expect(console.page).to_have_title("(5) Baton console")
    wait = console.item("Early Bird").locator(".wait")
    before = wait.inner_text()
    expect(wait).not_to_have_text(before, timeout=3_000)


def test_a_new_chat_appears_and_leaves_by_itself(relay: RecordedRelay, new_page: NewPage) -> None:
    console = open_console(relay, new_page)
    expect(console.page.get_by_text("Nobody is waiting.")).to_be_visible()
    talk = relay.talk("Tom Price")
    relay.add(talk, "customer.said", "customer", {"text": "a person please"})
    relay.add(talk, "handoff.requested", "customer", {"handoff_id": "h", "reason": "asked"})
    expect(console.item("Tom Price")).to_contain_text("a person please")
    relay.add(talk, "handoff.cancelled", "customer", {})
    expect(console.item("Tom Price")).to_have_count(0)


def test_the_card_says_why_with_every_score(relay: RecordedRelay, new_page: NewPage) -> None:
    escalated(relay, "Harriet")
    console = open_console(relay, new_page)
    console.open("Harriet")
    for words in (
        "words show growing frustration.",
        "31 % likely to be right, below the 62 % an answer needs",
        "Frustration was at 78 %, at or over the 60 %",
        "How do I exchange an item for another size?",
        "0.71",
        "FG-204816",
        "Asked three times about an exchange.",
    ):
        expect(console.evidence).to_contain_text(words)
    expect(console.log.locator(".msg")).to_have_count(6)
    console.evidence.get_by_role("button", name="Show message 4").click()
    expect(console.page.locator("#m4")).to_be_focused()
    expect(console.page.locator("#m4")).to_be_in_viewport()


def test_everything_by_keyboard(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    escalated(relay, "Tom", "asked")
    console = open_console(relay, new_page)
    keys = console.page.keyboard
    expect(console.items).to_have_count(2)
    keys.press("j")
    assert "Harriet" in focused(console.page)
    keys.press("j")
    assert "Tom" in focused(console.page)
    keys.press("k")
    keys.press("Enter")
    expect(console.log).to_be_visible()
    keys.press("c")
    expect(console.field).to_be_visible()
    keys.press("r")
    expect(console.field).to_be_focused()
    keys.type("Hello Harriet")
    keys.press("Enter")
    expect(console.log.locator(".msg.agent")).to_contain_text("Hello Harriet")
    keys.press("Escape")
    assert "Harriet" in focused(console.page)
    keys.press("n")
    keys.type("call back")
    keys.press("Enter")
    expect(console.log.locator(".note")).to_contain_text("call back")
    keys.press("Escape")
    keys.press("?")
    help_ = console.page.get_by_role("dialog")
    expect(help_).to_contain_text("Return to the bot")
    keys.press("Escape")
    # Out of the page, not only out of sight: until then the keys belong to it.
    expect(console.page.locator("dialog")).to_have_count(0)
    keys.press("b")
    expect(console.page.get_by_role("dialog")).to_contain_text("Return to the bot")
    keys.press("Escape")
    expect(console.page.locator("dialog")).to_have_count(0)
    keys.press("e")
    expect(console.page.get_by_role("dialog")).to_contain_text("Close the conversation")
    keys.press("Enter")
    expect(console.page.locator(".instead")).to_contain_text("closed")
    kinds = [event["kind"] for event in talk.events[-4:]]
    assert kinds == ["agent.joined", "agent.said", "agent.noted", "conversation.closed"]


def test_refused_words_go_back_to_where_they_were_written(relay: RecordedRelay, new_page: NewPage) -> None:
    held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    relay.refuse["say"] = {"code": "not_holder", "message": "You do not hold it.", "data": {}}
    console.say("A long and careful answer")
    expect(console.toast).to_contain_text("You do not hold this chat any more.")
    expect(console.field).to_have_value("A long and careful answer")
    console.say("A long and careful answer")
    expect(console.log.locator(".msg.agent").last).to_contain_text("A long and careful answer")
    expect(console.field).to_have_value("")


def test_drafts_stay_with_their_conversation_over_a_reload(relay: RecordedRelay, new_page: NewPage) -> None:
    held(relay, "Wilhelmina")
    held(relay, "Jonas")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    console.field.fill("for Wilhelmina")
    console.open("Jonas")
    expect(console.field).to_have_value("")
    console.field.fill("for Jonas")
    console.page.reload()
    console.open("Wilhelmina")
    expect(console.field).to_have_value("for Wilhelmina")
    expect(console.item("Jonas")).to_contain_text("Draft")


def test_a_close_that_missed_words_is_told_so(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    relay.refuse["close"] = {"code": "new_messages", "message": "There are new messages.", "data": {}}
    console.page.keyboard.press("Escape")
    console.page.get_by_role("button", name="Close", exact=True).click()
    console.page.get_by_role("button", name="Close it").click()
    relay.add(talk, "customer.said", "customer", {"text": "One more thing"})
    expect(console.toast).to_contain_text("has just written again")
    expect(console.log.locator(".msg.customer").last).to_contain_text("One more thing")
    expect(console.field).to_be_visible()


def test_the_loser_of_a_claim_is_told_who_won(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    console = open_console(relay, new_page)
    console.open("Harriet")
    relay.refuse["claim"] = {
        "code": "already_claimed",
        "message": "Taken.",
        "data": {"holder": {"id": "u-priya", "name": "Priya Nair"}},
    }
    console.page.get_by_role("button", name="Claim").click()
    expect(console.toast).to_contain_text("Priya Nair already has this chat.")
    relay.add(talk, "agent.joined", PRIYA, {"handoff_id": "h"})
    expect(console.page.locator(".instead")).to_contain_text("Priya Nair holds this chat.")


def test_a_supervisor_may_take_over(relay: RecordedRelay, new_page: NewPage) -> None:
    held(relay, "Jonas", PRIYA)
    console = open_console(relay, new_page)
    console.queue.get_by_role("button", name="With colleagues: 1").click()
    console.open("Jonas")
    console.page.get_by_role("button", name="Take over").click()
    expect(console.field).to_be_visible()
    expect(console.log).to_contain_text("Maya Lindqvist joined")


def test_a_cut_connection_misses_and_doubles_nothing(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    relay.refuse_sockets = True
    relay.cut()
    expect(console.page.get_by_text(re.compile("Connection lost"))).to_be_visible()
    relay.record(talk, "customer.said", "customer", {"text": "Said meanwhile"})
    console.say("Written meanwhile")
    relay.refuse_sockets = False
    expect(console.log.get_by_text("Sending…")).to_have_count(0, timeout=20_000)
    assert console.texts()[-2:] == ["Said meanwhile", "Written meanwhile"]
    numbers = console.log.locator("[id^=m]").evaluate_all("all => all.map(e => Number(e.id.slice(1)))")
    assert numbers == sorted(set(numbers))


def test_an_event_left_out_is_noticed_and_fetched(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    expect(console.log.locator(".msg.agent")).to_have_count(1)
    relay.drop_events = {len(talk.events) + 1}
    relay.add(talk, "customer.said", "customer", {"text": "Left out"})
    relay.add(talk, "customer.said", "customer", {"text": "Came through"})
    expect(console.log.locator(".msg.customer").last).to_contain_text("Came through")
    assert console.texts()[-2:] == ["Left out", "Came through"]


def test_unread_words_and_typing_show_in_the_list(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    held(relay, "Jonas")
    console = open_console(relay, new_page)
    console.open("Jonas")
    relay.add(talk, "customer.said", "customer", {"text": "Are you there?"})
    expect(console.item("Wilhelmina").locator(".count")).to_contain_text("1")
    typing = {"type": "typing", "conversation_id": talk.id, "actor": {"type": "customer"}, "on": True}
    relay.to_agents(typing)
    expect(console.item("Wilhelmina")).to_contain_text("writing…")
    console.open("Wilhelmina")
    expect(console.item("Wilhelmina").locator(".count")).to_have_count(0)


def test_a_long_conversation_is_there_from_its_beginning(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    for number in range(400):
        relay.record(talk, "customer.said", "customer", {"text": f"message {number}"})
    console = open_console(relay, new_page)
    console.open("Harriet")
    expect(console.log.locator(".msg")).to_have_count(406)
    expect(console.log.get_by_text("message 399", exact=True)).to_be_in_viewport()


def test_presence_is_told_and_kept(relay: RecordedRelay, new_page: NewPage) -> None:
    console = open_console(relay, new_page)
    console.page.get_by_label("Presence").select_option("away")
    console.page.reload()
    expect(console.page.get_by_label("Presence")).to_have_value("away")
    assert MAYA["name"] in console.page.locator("header.bar-top").inner_text()


def test_an_expired_session_leads_back_to_the_door(relay: RecordedRelay, new_page: NewPage) -> None:
    console = open_console(relay, new_page)
    expect(console.page.get_by_text("Nobody is waiting.")).to_be_visible()
    relay.logged_in = False
    relay.refuse_sockets = True
    relay.cut()
    expect(console.page.get_by_role("button", name="Log in")).to_be_visible()
    expect(console.page.get_by_text("Your session has ended.")).to_be_visible()


def test_after_a_wrong_password_the_next_one_can_be_typed(relay: RecordedRelay, new_page: NewPage) -> None:
    relay.logged_in = False
    console = Console(new_page())
    console.log_in(relay.url, "maya", "wrong")
    expect(console.page.get_by_role("alert")).not_to_be_empty()
    expect(console.page.get_by_label("Password")).to_be_focused()


def test_a_long_word_stays_in_the_evidence(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    talk.events[-1]["data"]["summary"] = [{"text": f"Last words: {'Donaudampfschiff' * 9}", "seqs": [6]}]
    console = open_console(relay, new_page)
    console.open("Harriet")
    expect(console.evidence).to_contain_text("Donaudampfschiff")
    assert console.evidence.evaluate("side => side.scrollWidth - side.clientWidth") == 0
    lines = """scores => scores.map(score => {
        const range = document.createRange();
        range.selectNodeContents(score);
        return range.getClientRects().length;
    })"""
    assert set(console.evidence.locator(".passages .num").evaluate_all(lines)) == {1}, "a score is one word"


def test_what_the_bot_offered_is_part_of_the_story(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    choices = [{"id": "a1", "label": "Cost of delivery"}, {"id": "a2", "label": "Cost of a return"}, HUMAN]
    data = {"turn": 9, "kind": "clarify", "text": "Which of these?", "choices": choices}
    relay.record(talk, "bot.replied", "bot", data)
    console = open_console(relay, new_page)
    console.open("Harriet")
    offered = console.log.get_by_role("list", name="Offered to choose from")
    expect(offered).to_have_count(1)
    expect(offered.get_by_role("listitem")).to_have_text(["Cost of delivery", "Cost of a return"])


def test_seen_is_told_beside_the_words_that_were_seen(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    seen = {
        "type": "seen",
        "conversation_id": talk.id,
        "actor": {"type": "customer"},
        "seq": len(talk.events),
    }
    relay.to_agents(seen)
    expect(console.log.locator(".msg.agent + .receipt")).to_have_text("Seen by the customer")
    relay.add(talk, "customer.said", "customer", {"text": "Thank you"})
    expect(console.log.locator(".receipt")).to_have_count(0)


def test_who_loses_a_chat_to_a_supervisor_is_told(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    expect(console.item("Wilhelmina")).to_be_visible()
    console.open("Wilhelmina")
    relay.add(talk, "conversation.transferred", PRIYA, {"to": {"agent": PRIYA["id"]}})
    relay.add(talk, "agent.joined", PRIYA, {"handoff_id": "h"})
    expect(console.log.get_by_text("Priya Nair took over")).to_be_visible()
    expect(console.log.get_by_text("passed the conversation on")).to_have_count(0)


def test_drafts_are_the_agents_own(relay: RecordedRelay, new_page: NewPage) -> None:
    held(relay, "Wilhelmina")
    console = open_console(relay, new_page)
    console.open("Wilhelmina")
    console.field.fill("between us")
    relay.agent = {"id": "u-priya", "name": "Priya Nair", "role": "supervisor"}
    console.page.reload()
    expect(console.page.locator("header.bar-top")).to_contain_text("Priya Nair")
    console.queue.get_by_role("button", name="With colleagues: 1").click()
    console.open("Wilhelmina")
    console.page.get_by_role("button", name="Take over").click()
    expect(console.log).to_contain_text("joined")
    expect(console.page.get_by_text("between us")).to_have_count(0)
    expect(console.queue.get_by_text("Draft")).to_have_count(0)
