import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Api, withQuery } from "../src/studio/api";
import { href, NEW_ARTICLE, parseRoute } from "../src/studio/router";
import { jobRuns, jobWords } from "../src/studio/status";
import { actionWords } from "../src/studio/pages/activity";
import { count, duration, percent, when } from "../src/studio/words";
import type { Job } from "../src/studio/protocol";
import type { Session } from "../src/shared/session";

// --- routes ---

test("an address leads to its page", () => {
  for (const hash of ["", "#", "#/"]) assert.equal(parseRoute(hash)?.page, "overview");
  assert.deepEqual([parseRoute("#/articles")?.page, parseRoute("#/articles")?.id], ["articles", null]);
  assert.equal(parseRoute("#/articles/boot-care")?.id, "boot-care");
  assert.equal(parseRoute("#/articles/a%2Fb")?.id, "a/b");
  assert.equal(parseRoute("#/review/g1?days=7")?.query.get("days"), "7");
  assert.equal(parseRoute("#/articles?q=a%3Fb?c")?.query.get("q"), "a?b?c");
  assert.equal(parseRoute("#/releases")?.page, "training");
  assert.deepEqual([parseRoute("#/releases/r1")?.page, parseRoute("#/releases/r1")?.id], ["releases", "r1"]);
});

test("what leads nowhere is told, not guessed", () => {
  for (const hash of ["#/nowhere", "#/articles/a/b", "#/articles/%E0%A4%A", "#/settings/x", "#/constructor"]) assert.equal(parseRoute(hash), null);
});

test("a link leads back to what it was made of", () => {
  for (const id of ["boot-care", "a/b", "ü ?#", NEW_ARTICLE]) assert.equal(parseRoute(href("articles", id))?.id, id);
  assert.equal(href("overview"), "#/");
  assert.equal(href("articles", null, { q: "a&b", state: "", tag: null }), "#/articles?q=a%26b");
  assert.equal(parseRoute(href("articles", null, { q: "a&b=c" }))?.query.get("q"), "a&b=c");
});

// --- calls ---

const session = (csrf: string): Session => ({ agent: { id: "u1", name: "Maya", role: "editor" }, csrf, must_change_password: false });
const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

interface Sent {
  path: string;
  method: string;
  csrf: string | null;
}

/** Answers each call by `reply` and keeps what was sent. */
function answering(reply: (sent: Sent) => Response): Sent[] {
  const all: Sent[] = [];
  globalThis.fetch = (path, init) => {
    const sent = { path: path as string, method: init?.method ?? "GET", csrf: new Headers(init?.headers).get("x-baton-csrf") };
    all.push(sent);
    return Promise.resolve(reply(sent));
  };
  return all;
}

const refused = (status: number, code: string): Response => Response.json({ error: { code, message: "No.", data: {} } }, { status });

test("the token goes with what changes something, and with nothing else", async () => {
  const sent = answering(() => Response.json({}));
  const api = new Api(session("t1"), () => Promise.reject(new Error("no")));
  await api.get("/articles", { q: "a b", tag: null, offset: 0 });
  await api.put("/articles/x", {});
  assert.deepEqual(sent, [
    { path: "/api/v1/studio/articles?q=a+b&offset=0", method: "GET", csrf: null },
    { path: "/api/v1/studio/articles/x", method: "PUT", csrf: "t1" },
  ]);
  assert.equal(withQuery("/x", {}), "/x");
});

test("an ended session is told once, and what met it goes on with the next one", async () => {
  let ended = true;
  const sent = answering((call) => (ended ? refused(401, "unauthorized") : Response.json({ with: call.csrf })));
  let asked = 0;
  const api = new Api(session("old"), async () => {
    asked += 1;
    await Promise.resolve();
    ended = false;
    return session("new");
  });
  const answers = await Promise.all([api.put<{ with: string }>("/a", {}), api.put<{ with: string }>("/b", {})]);
  assert.equal(asked, 1);
  assert.deepEqual(answers.map((answer) => answer.ok && answer.data.with), ["new", "new"]);
  assert.equal(sent.length, 4);
});

test("a token that another tab's login made old is renewed; a right that is missing is told", async () => {
  const sent = answering(({ path, csrf }) => (path.endsWith("/me") ? Response.json(session("new")) : csrf === "new" ? Response.json({ done: true }) : refused(403, "forbidden")));
  const api = new Api(session("old"), () => Promise.reject(new Error("no")));
  const done = await api.post<{ done: boolean }>("/publish", {});
  assert.equal(done.ok && done.data.done, true);
  assert.equal(sent.length, 3);

  answering(({ path }) => (path.endsWith("/me") ? Response.json(session("new")) : refused(403, "forbidden")));
  const no = await api.post("/publish", {});
  assert.equal(!no.ok && no.error.code, "forbidden");
});

test("a server that is away is told, and that it is back", async () => {
  const heard: boolean[] = [];
  globalThis.fetch = () => Promise.reject(new TypeError("failed"));
  const api = new Api(session("t"), () => Promise.reject(new Error("no")), (reached) => heard.push(reached));
  const away = await api.get("/summary");
  assert.equal(!away.ok && away.error.code, "unreachable");
  answering(() => refused(500, "internal"));
  await api.get("/summary");
  assert.deepEqual(heard, [false, true]);
});

test("an answer that is no JSON is not taken for a silence", async () => {
  globalThis.fetch = () => Promise.resolve(new Response("<html>", { status: 200 }));
  const api = new Api(session("t"), () => Promise.reject(new Error("no")));
  const answer = await api.get("/summary");
  assert.equal(!answer.ok && answer.error.code, "bad_answer");
});

// --- words ---

test("moments, lengths and counts as one says them", () => {
  const now = new Date(2026, 10, 30, 12, 0);
  assert.equal(when(new Date(2026, 10, 30, 9, 5).toISOString(), now), "09:05");
  assert.equal(when(new Date(2026, 10, 29, 23, 59).toISOString(), now), "yesterday 23:59");
  assert.equal(when(new Date(2026, 9, 2, 8, 0).toISOString(), now), "2 Oct, 08:00");
  assert.equal(when(new Date(2025, 9, 2, 8, 0).toISOString(), now), "2 Oct 2025");
  assert.equal(when("no date", now), "no date");
  assert.deepEqual([20, 59.9, 60, 240, 3900].map(duration), ["less than a minute", "less than a minute", "1 min", "4 min", "1 h 5 min"]);
  assert.deepEqual([count(1, "change"), count(1200, "change"), count(2, "reply", "replies")], ["1 change", "1,200 changes", "2 replies"]);
  assert.deepEqual([percent(0.02), percent(0.025), percent(0.5), percent(0)], ["2 %", "2.5 %", "50 %", "0 %"]);
  assert.equal(actionWords("published_articles"), "Published articles");
});

test("what runs, in a line", () => {
  const job: Job = {
    id: "j", kind: "train", state: "running", stage: "judge", done: 43, total: 100, message: "", asked_by: "", asked_at: "", started_at: null,
    ended_at: null, seconds_left: 95, release_id: null, error: null,
  };
  assert.equal(jobWords(job), "Training 43 %, 2 min left");
  assert.equal(jobWords({ ...job, total: 0, seconds_left: null }), "Training");
  assert.equal(jobWords({ ...job, state: "queued" }), "Training is about to start");
  assert.deepEqual([jobRuns(job), jobRuns({ ...job, state: "done" }), jobRuns(null), jobRuns(undefined)], [true, false, false, false]);
});
