"""The whole loop in real browsers: a customer asks, the bot answers, a person takes over, the bot answers again."""

from __future__ import annotations

import re
import secrets

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import AGENT_PASSWORD, Product
from tests.browser.hands import TURN_MS, Console, NewPage, Widget

# The product trains once for all of these.
pytestmark = pytest.mark.timeout(700)

QUESTIONS = {
    "parcel says delivered but there is nothing here": "delivered-not-received",
    "how should I wash my rain jacket": "wash-waterproof-jacket",
    "how much does delivery cost": "delivery-options",
}


def customer(new_page: NewPage, product: Product, name: str | None = None) -> Widget:
    """A customer on the demo page with the widget open; `name` is how the queue shows them."""
    page = new_page()
    page.goto(f"{product.url}/demo")
    widget = Widget(page)
    expect(widget.launcher).to_be_visible()
    if name is not None:
        page.evaluate("name => window.Baton.identify({name})", name)
    widget.open()
    return widget


def somebody() -> str:
    """A name that no other test uses."""
    return f"Ada {secrets.token_hex(4)}"


def agent(new_page: NewPage, product: Product, role: str = "agent") -> Console:
    """An agent who logged in for the first time and chose a password."""
    console = Console(new_page(viewport={"width": 1440, "height": 900}))
    name, once = product.user(role)
    console.log_in(product.url, name, once)
    for label in ("New password", "New password, again"):
        console.page.get_by_label(label, exact=True).fill(AGENT_PASSWORD)
    console.page.get_by_role("button", name="Save and go on").click()
    expect(console.queue).to_be_visible()
    return console


def ask_for_a_person(widget: Widget) -> None:
    """By the button that is always there."""
    widget.panel.locator(".head").get_by_role("button", name="Talk to a person").click()
    expect(widget.panel.locator(".waiting")).to_be_visible(timeout=TURN_MS)


def test_questions_get_the_right_articles_then_a_person_and_back(product: Product, new_page: NewPage) -> None:
    console, name = agent(new_page, product), somebody()
    widget = customer(new_page, product, name)
    articles: list[str] = []

    def note_articles(text: str) -> None:
        articles.extend(re.findall(r'"article_id":"([^"]+)"', text))

    widget.page.on(
        "websocket", lambda socket: socket.on("framereceived", lambda text: note_articles(str(text)))
    )
    for question, article in QUESTIONS.items():
        bubble = widget.ask(question)
        expect(bubble.locator(".source")).to_be_visible(timeout=TURN_MS)
        assert articles[-1] == article

    # Anger is answered by a person; who is looking sees it within a second.
    widget.say("This is the third time I ask and nobody helps. I am really fed up with this!")
    expect(widget.panel.locator(".waiting")).to_be_visible(timeout=TURN_MS)
    expect(console.item(name)).to_be_visible(timeout=1_000)

    console.open(name)
    expect(console.log.locator(".msg.customer")).to_have_count(4)
    for question in QUESTIONS:
        expect(console.log.get_by_text(question, exact=True)).to_be_visible()
    expect(console.evidence.get_by_role("heading", name="Why")).to_be_visible()
    expect(console.evidence.locator(".score").first).to_be_visible()
    console.claim()
    expect(widget.panel.get_by_text(re.compile("joined the conversation"))).to_be_visible()

    console.say("Hello, I am here and have read all of it.")
    expect(widget.bubbles.last).to_contain_text("have read all of it")
    console.note("Between us: offer a voucher.")
    expect(console.log.locator(".note")).to_contain_text("offer a voucher")
    widget.say("Thank you, finally somebody.")
    expect(console.log.locator(".msg.customer").last).to_contain_text("finally somebody")

    # A reload in mid-conversation shows every message once, in order, and no note.
    before, numbers = widget.words(), widget.seqs()
    widget.page.reload()
    widget.open()
    expect(widget.bubbles).to_have_count(len(before))
    assert widget.words() == before
    assert widget.seqs() == numbers == sorted(set(numbers))
    assert not any("voucher" in word for word in widget.words())

    console.page.get_by_role("button", name="Return to bot").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("What you settled").fill("A voucher was sent.")
    dialog.get_by_role("button", name="Return to the bot").click()
    expect(widget.panel.get_by_text(re.compile("handed you back"))).to_be_visible()
    answer = widget.ask("how should I wash my rain jacket")
    expect(answer.locator(".source")).to_be_visible()


def test_of_two_who_claim_one_gets_the_chat_and_the_other_learns_who(
    product: Product, new_page: NewPage
) -> None:
    first, second = agent(new_page, product), agent(new_page, product)
    name = somebody()
    widget = customer(new_page, product, name)
    widget.ask("hello")
    ask_for_a_person(widget)
    for console in (first, second):
        console.open(name)
        expect(console.log.get_by_text("hello", exact=True)).to_be_visible()
    # The loser's screen still offers it: cut off, it does not learn of the other's claim in time.
    second.page.context.set_offline(True)
    first.claim()
    second.page.keyboard.press("c")
    second.page.context.set_offline(False)
    expect(second.toast).to_contain_text("already has this chat", timeout=15_000)
    expect(second.page.locator(".instead")).to_contain_text("agent-")
    expect(second.field).to_have_count(0)
    expect(first.field).to_be_visible()


def test_a_cut_connection_loses_doubles_and_reorders_nothing(product: Product, new_page: NewPage) -> None:
    console, name = agent(new_page, product), somebody()
    widget = customer(new_page, product, name)
    widget.ask("hello")
    ask_for_a_person(widget)
    console.open(name)
    console.claim()
    console.say("Before the cut")
    expect(widget.bubbles.last).to_contain_text("Before the cut")

    widget.page.context.set_offline(True)
    expect(widget.panel.locator(".banner")).to_be_visible()
    for word in ("one", "two", "three"):
        widget.say(word)
    console.say("While you were away")
    expect(console.log.locator(".msg.agent").last).to_contain_text("While you were away")
    widget.page.context.set_offline(False)

    expect(console.log.locator(".msg.customer").last).to_contain_text("three", timeout=25_000)
    expect(widget.panel.locator(".row.sending, .row.sent")).to_have_count(0)
    expect(widget.panel.locator(".banner")).to_have_count(0)
    said = widget.words()
    assert said[-4:] == ["While you were away", "one", "two", "three"]
    assert [text for text in said if text in {"one", "two", "three"}] == ["one", "two", "three"]
    assert console.texts()[-4:] == ["While you were away", "one", "two", "three"]


def test_two_tabs_show_one_conversation_and_both_stay_right(product: Product, new_page: NewPage) -> None:
    left = customer(new_page, product)
    page = left.page.context.new_page()
    page.goto(f"{product.url}/demo")
    right = Widget(page)
    right.open()
    left.ask("hello")
    expect(right.bubbles.first).to_be_visible(timeout=TURN_MS)
    right.ask("how much does delivery cost")
    expect(left.bubbles).to_have_count(right.bubbles.count())
    assert left.words() == right.words()


def test_waiting_can_be_given_up_and_a_conversation_ended_and_taken_up_again(
    product: Product, new_page: NewPage
) -> None:
    widget = customer(new_page, product)
    ask_for_a_person(widget)
    expect(widget.panel.locator(".waiting")).to_contain_text("line")
    widget.panel.get_by_role("button", name="Stop waiting").click()
    expect(widget.panel.locator(".waiting")).to_have_count(0)
    widget.ask("hello")
    widget.panel.get_by_role("button", name="End conversation").click()
    widget.panel.get_by_role("button", name="End it").click()
    expect(widget.panel.get_by_text("You ended the conversation")).to_be_visible()
    widget.ask("how much does delivery cost")
    expect(widget.panel.get_by_role("button", name="End conversation")).to_be_visible()


def test_an_agent_closes_and_the_customer_sees_it(product: Product, new_page: NewPage) -> None:
    console, name = agent(new_page, product), somebody()
    widget = customer(new_page, product, name)
    widget.ask("hello")
    ask_for_a_person(widget)
    console.open(name)
    console.claim()
    console.page.get_by_role("button", name="Close", exact=True).click()
    console.page.get_by_role("dialog").get_by_role("button", name="Close it").click()
    expect(widget.panel.get_by_text("The conversation has ended")).to_be_visible()
    expect(console.page.locator(".instead")).to_contain_text("closed")


def test_markup_in_messages_stays_words_on_both_sides(product: Product, new_page: NewPage) -> None:
    console, name = agent(new_page, product), somebody()
    widget = customer(new_page, product, name)
    hostile = (
        '<img src=x onerror="document.title=1"><script>document.title=2</script> '
        "[x](javascript:document.title=3)"
    )
    # Said to the bot it might hand over by itself, and the button would go while it is clicked.
    ask_for_a_person(widget)
    widget.say(hostile)
    expect(widget.panel.locator(".row.customer .bubble").last).to_contain_text("<script>")
    console.open(name)
    console.claim()
    console.say(hostile)
    expect(widget.bubbles.last).to_contain_text("<script>")
    for page, root in ((widget.page, widget.log), (console.page, console.log)):
        expect(root.locator("script, img, a[href^='javascript']")).to_have_count(0)
        assert page.title() not in {"1", "2", "3"}
