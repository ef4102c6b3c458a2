"""What is too large, too deep or not meant to be read: refused in words by everything an editor can send to."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tests.integration.relay.harness import running_relay
from tests.integration.relay.studio import STUDIO, editor
from tests.integration.relay.test_studio_articles import RETURNS, a_home, body

ARABIC = "كيف أعيد الطلب؟"
HEBREW = "איך מחזירים הזמנה?"
DEEP = b"[" * 200_000


async def test_what_is_too_large_is_refused_by_name_and_what_is_just_right_is_kept(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for changes, field in (
            ({"answer": "a" * 1_000_000}, "answer"),
            ({"answer": "a" * 20_001}, "answer"),
            ({"title": "t" * 10_000}, "title"),
            ({"title": "t" * 201}, "title"),
            ({"questions": [f"how do I do {n}" for n in range(10_000)]}, "questions"),
            ({"questions": [f"how do I do {n}" for n in range(100_000)]}, "questions"),
            ({"questions": ["q" * 1001]}, "questions"),
            ({"tags": ["t" * 51]}, "tags"),
        ):
            request = {"base_version": 1, "article": body(RETURNS, **changes)}
            status, error = await edda.refused("PUT", "/articles/returns", request)
            assert status in (400, 422), error
            named = error["data"].get("field") or error["data"]["fields"][0].rsplit(".", 1)[-1]
            assert field in (named, error["data"].get("fields", [""])[0].split(".")[1:2] or named), error
        # 50,000 lines of which 5,000 differ are one thing, 5,000 that an article takes another.
        most = [f"how do I do {n}" for n in range(5_000)]
        request = {"base_version": 1, "article": body(RETURNS, questions=most, answer="a" * 20_000)}
        saved = (await edda.put("/articles/returns", request))["article"]
        assert (len(saved["questions"]), len(saved["answer"])) == (5_000, 20_000)
        assert (await edda.post("/publish"))["published"] == ["returns"]


@pytest.mark.parametrize("text", [ARABIC, HEBREW, f"{ARABIC} ABC-123 {HEBREW}"])
async def test_text_from_right_to_left_is_kept_as_it_is(text: str, tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        article = {"title": text, "answer": f"**{text}**", "questions": [f"{text} 2"], "locale": "ar"}
        made = (await edda.post("/articles", {"article": article}))["article"]
        assert (made["title"], made["answer"], made["questions"]) == (text, f"**{text}**", [f"{text} 2"])
        assert [line["id"] for line in (await edda.get("/articles", q=text[:6]))["articles"]] == [made["id"]]
        asked = await edda.post("/exam", {"text": text, "article_id": made["id"]})
        assert asked["question"]["text"] == text
        incident = {"text": text, "article_ids": [made["id"]], "phrases": [text]}
        assert (await edda.post("/incidents", {"incident": incident}))["incident"]["text"] == text
        assert text in (await edda.http.get(f"{STUDIO}/export")).text


@pytest.mark.parametrize("control", ["\u202e", "\u2066", "\u2069", "\u0000", "\u001b", "\u2028"])
async def test_what_turns_text_round_or_hides_it_is_refused(control: str, tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        for name, value in (
            ("title", f"pay{control}lap"),
            ("answer", f"pay{control}lap"),
            ("questions", [f"pay{control}lap"]),
        ):
            request = {"article": {"title": "One", "answer": "Two", name: value}}
            status, error = await edda.refused("POST", "/articles", request)
            assert (status, error["data"]["field"]) == (422, name), error
        status, error = await edda.refused("POST", "/exam", {"text": f"pay{control}lap", "article_id": None})
        assert status in (400, 409, 422), error
        incident = {"text": f"pay{control}lap", "article_ids": ["returns"], "phrases": []}
        status, error = await edda.refused("POST", "/incidents", {"incident": incident})
        assert status in (400, 422), error


async def test_signs_without_width_are_kept_where_scripts_need_them(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        # Persian and emoji families are written with them.
        text = "می\u200cخواهم 👨\u200d👩\u200d👧"  # noqa: RUF001
        made = (await edda.post("/articles", {"article": {"title": text, "answer": text}}))["article"]
        assert (made["title"], made["answer"]) == (text, text)


async def test_bodies_that_are_bombs_are_refused_by_each_endpoint(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        paths = (await edda.http.get("/openapi.json")).json()["paths"]
        told = []
        for path, methods in paths.items():
            for method in methods.keys() & {"post", "put"}:
                if not path.startswith(STUDIO) or path.endswith("/import/preview"):
                    continue
                if "requestBody" not in methods[method]:
                    continue
                where = path
                for name in (
                    "article_id",
                    "release_id",
                    "name",
                    "job_id",
                    "plan_id",
                    "group_id",
                    "incident_id",
                ):
                    where = where.replace(f"{{{name}}}", "returns")
                for bomb in (DEEP, b'{"a":' * 100_000):
                    answer = await edda.http.request(
                        method.upper(), where, content=bomb, headers={"Content-Type": "application/json"}
                    )
                    assert answer.status_code in (400, 422), (path, answer.status_code, answer.text[:200])
                    assert len(answer.content) < 10_000
                told.append(where)
        assert len(told) > 20
        # It goes on.
        assert (await edda.get("/articles"))["total"] == 1


async def test_a_zip_bomb_is_refused_and_the_relay_goes_on(tmp_path: Path) -> None:
    await a_home(tmp_path, RETURNS)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"{number}.md", b"# a\n" + b" " * 16_000_000)
    async with running_relay(tmp_path) as at, editor(at) as edda:
        answer = await edda.http.post(f"{STUDIO}/import/preview?name=all.zip", content=packed.getvalue())
        assert answer.status_code == 200, answer.text
        assert "zip_bomb" in {error["code"] for error in answer.json()["errors"]}
        status, error = await edda.refused("POST", "/import", {"token": answer.json()["token"]})
        assert status in (409, 422), error
        assert (await edda.get("/articles"))["total"] == 1
