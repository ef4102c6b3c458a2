/** What the pages of review, trying, training and releases are answered. */
import type { Choice, Passage } from "../shared/protocol";
import type { Verdict } from "./judge";
import type { Article, Canary, Group, Job, Plan } from "./protocol";

export interface ReviewQuestion {
  conversation_id: string;
  turn: number;
  at: string;
  /** Masked. */
  text: string;
  kind: string;
  reason: string;
  confidence: number | null;
  threshold: number | null;
  best: { article_id: string; title: string | null } | null;
  helpful: boolean | null;
  /** Masked; what a person said to it. */
  agent_answer: string | null;
}

export interface GroupDetail {
  group: Group;
  /** The newest ones. */
  questions: ReviewQuestion[];
}

export interface ArticleDraft {
  title: string;
  answer: string;
  questions: string[];
  tags: string[];
  /** Left out: that of most of the questions. */
  locale?: string;
}

/** Deals with the whole group. `texts` are what is taught of it; without them the server takes its clearest questions. */
export type Settle =
  | { how: "variants"; article_id: string; texts?: string[] }
  | { how: "article"; article: ArticleDraft; texts?: string[] }
  | { how: "out_of_scope" }
  | { how: "intent"; intent: string; texts?: string[] }
  | { how: "dismiss" };

export interface Settled {
  settled: number;
  article: Article | null;
  /** Texts that are taught now, and that the exam asks in the same words. */
  in_exam?: string[];
}

export interface JobAnswer {
  job: Job;
}

export interface TurnDecision {
  kind: string;
  reason: string;
  confidence: number;
  threshold: number;
  answerable: number | null;
  frustration: number;
  frustration_threshold: number;
  signals: { name: string; weight: number }[];
  intent: string | null;
  passages: Passage[];
}

export interface TurnOutcome {
  turn: number;
  release_id: string;
  decision: TurnDecision;
  replies: { text: string; choices: Choice[]; article_id: string | null }[];
}

/** What led to one decision; a release names what it has, so nothing in it is taken for granted. */
export interface Explanation {
  rule?: string;
  read_as?: string;
  language?: { found: string | null; covered: boolean; locale: string; known_words?: number } | null;
  matches?: { article_id: string; kind: string; text: string; similarity: number }[];
}

export interface Tried {
  outcome: TurnOutcome;
  explanation: Explanation | null;
  dialogue: string;
}

export interface PastConversation {
  id: string;
  at: string;
  /** Masked. */
  preview: string;
  turns: number;
}

export interface ReplayedTurn {
  turn: number;
  text: string;
  then: Verdict | null;
  /** null: the words were erased. */
  now: Verdict | null;
}

/** What the training itself expects of a release, from questions that it held back. */
export interface ReleaseFigures {
  knowledge?: { accuracy_top1?: number | null; coverage?: number | null; wrong_answer_rate?: number | null; threshold?: number | null; risk?: number | null } | null;
}

/** What publishing answers: what is live now, or how it will be. */
export interface PublishAnswer {
  release_id?: string;
  /** Whether every bot that is there answers by it already. */
  live?: boolean;
  plan?: Plan;
}

export interface Release {
  id: string;
  created_at: string;
  live: boolean;
  canary: boolean;
  previous: boolean;
  figures: ReleaseFigures | null;
  /** Why it cannot be used; null: it can. */
  problem: string | null;
  note: string | null;
  asked_by: string | null;
  has_report: boolean;
}

export interface CanaryAnswer {
  canary: Canary | null;
}

export interface ExamQuestion {
  id: string;
  text: string;
  /** null: no article answers it, and the bot should not. */
  article_id: string | null;
  locale: string;
  added_by: string;
  added_at: string;
  source: string | null;
}

/** What a promise would bring: the most questions answered with at most `risk` wrong. */
export interface RiskPoint {
  risk: number;
  threshold: number;
  coverage: number;
  wrong: number | null;
  /** Whether there were questions enough to say so. */
  supported?: boolean;
}
