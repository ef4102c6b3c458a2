/** What `/api/v1/studio` answers. Times are RFC 3339; fields that a later server adds are ignored. */

export type Status = "ready" | "draft";

/** What an editor writes. */
export interface Content {
  id: string;
  title: string;
  /** Markdown. */
  answer: string;
  questions: string[];
  tags: string[];
  locale: string;
  valid_from: string | null;
  valid_until: string | null;
}

export interface Article extends Content {
  owner: string | null;
  status: Status;
  version: number;
  updated_at: string;
  updated_by: string;
}

/** How an article stands beside what customers get. */
export type LiveState = "live" | "changed" | "new";

export interface ArticleRow {
  id: string;
  title: string;
  locale: string;
  tags: string[];
  questions: number;
  status: Status;
  live: LiveState;
  updated_at: string;
  updated_by: string;
  owner: string | null;
  valid_from: string | null;
  valid_until: string | null;
}

export interface ArticleList {
  articles: ArticleRow[];
  total: number;
  tags: { name: string; n: number }[];
  locales: string[];
}

export interface Conflict {
  field: string;
  base: unknown;
  theirs: unknown;
  yours: unknown;
}

/** `data` of the error `edit_conflict`. */
export interface EditConflict {
  by: string;
  at: string;
  version: number;
  conflicts: Conflict[];
  /** All that an editor writes, as the other one saved it. */
  theirs: Pick<Article, "title" | "answer" | "questions" | "tags" | "locale" | "valid_from" | "valid_until" | "owner" | "status">;
}

export interface Version {
  version: number;
  /** null: as it came with Baton. */
  at: string | null;
  by: string;
  action: "created" | "edited" | "imported" | "restored" | "removed";
  note: string | null;
}

export interface Warning {
  code: string;
  message: string;
  /** `questions`, `title`, `answer`, or one that a later server names. */
  field: string;
  index: number | null;
  severity: "warning" | "note";
  other: { article_id: string; title: string; text: string; score: number } | null;
}

export interface Change {
  id: string;
  title: string;
  change: "new" | "changed" | "removed";
  fields: string[];
  /** A draft is not published before it is ready. */
  status: Status;
  by: string;
  at: string;
}

export interface Changes {
  changes: Change[];
  release_id: string;
  revision: number;
}

/** A place in a file; `line` 0: the file as a whole. */
export interface RowNote {
  file: string;
  line: number;
  code: string;
  message: string;
}

export type ImportChange = "added" | "changed" | "unchanged";

export interface ImportedArticle extends Partial<Content> {
  id: string;
  title: string;
  change: ImportChange;
  /** Which fields change, and how. */
  fields?: { field: string; before: unknown; after: unknown }[];
}

export interface ImportPreview {
  token: string;
  kind: string;
  /** `removed`: articles that the file does not have; `intents`: those that change. */
  counts: { added: number; changed: number; unchanged: number; errors: number; removed?: number; intents?: number };
  errors: RowNote[];
  more_errors: number;
  /** What was passed over, and hinders nothing. */
  notes?: RowNote[];
  more_notes?: number;
  articles: ImportedArticle[];
  more_articles?: number;
  intents?: { name: string; change: ImportChange; added: string[]; removed: string[] }[];
}

export interface ImportResult {
  added: number;
  changed: number;
  unchanged: number;
  removed: number;
}

export interface Job {
  id: string;
  kind: "train" | "group" | "simulate";
  state: "queued" | "running" | "done" | "failed" | "cancelled";
  stage: string;
  done: number;
  total: number;
  message: string;
  note?: string | null;
  asked_by: string;
  asked_at: string;
  started_at: string | null;
  ended_at: string | null;
  seconds_left: number | null;
  release_id: string | null;
  /** It runs, and ends soon because somebody wants it. */
  cancelling?: boolean;
  error: { code: string; message: string } | null;
}

export interface CanaryFigures {
  conversations: number;
  turns: number;
  answered: number;
  clarified: number;
  unsure: number;
  handed_over: number;
  thumbs_up: number;
  thumbs_down: number;
}

export interface Canary {
  id: string;
  release_id: string;
  against: string;
  /** 0 to 1. */
  share: number;
  since: string;
  by: string;
  figures: { canary: CanaryFigures; live: CanaryFigures };
}

export interface Live {
  release_id: string;
  revision: number;
  since: string;
  by: string;
}

/** The studio's settings; all names that the server knows come with values. */
export type StudioSettings = Record<string, unknown>;

export interface Summary {
  live: Live | null;
  articles: number;
  variants: number;
  changed: number;
  drafts: number;
  review: { groups: number; questions: number; minutes: number };
  job: Job | null;
  /** What was trained last, until somebody has published, planned or tried it. */
  ready: { release_id: string; at: string } | null;
  canary: Canary | null;
  /** Publications that wait for somebody's yes. */
  waiting?: number;
  settings: StudioSettings;
}

export interface Suggested {
  article_id: string;
  title: string;
  score: number | null;
}

export type ReviewReason = "unanswered" | "low_confidence" | "thumbs_down" | "repeated" | "answered_by_person";

export interface Group {
  id: string;
  name: string;
  size: number;
  /** 14 daily counts, the last is today. */
  trend: number[];
  last_at: string;
  /** Of agents' time, in the days asked for. */
  minutes: number;
  cost: number;
  suggested: Suggested | null;
  reasons: Partial<Record<ReviewReason, number>>;
  /** Masked. */
  examples: string[];
}

export interface Review {
  groups: Group[];
  /** Of groups, those that are not in this answer too. */
  total?: number;
  /** Questions that left by themselves, because they are like others that are out of scope. */
  settled_alike?: number;
  grouped_at: string | null;
  ungrouped: number;
  questions: number;
  minutes: number;
}

/** A publication that waits for somebody's yes (`asked`) or for its time (`due`). */
export interface Plan {
  id: string;
  action: string;
  subject: string;
  params: Record<string, unknown>;
  why: string | null;
  by: string;
  at: string;
  due_at: string;
  state: string;
  ended_at: string | null;
  /** Why it failed. */
  problem: string | null;
  /** Missing where it has just been made. */
  can_approve?: boolean;
  can_refuse?: boolean;
}

export interface Plans {
  plans: Plan[];
}

/** What `POST /publish` answers: done, or a plan. */
export interface Publication {
  published?: string[];
  /** Whether every bot that is there answers from it already. */
  live?: boolean;
  plan?: Plan;
}

/** What is down: told before the answers that it concerns. */
export interface Incident {
  id: string;
  /** Markdown. */
  text: string;
  article_ids: string[];
  phrases: string[];
  since: string;
  next_news: string | null;
  locale: string;
}

/** What opening, changing or ending one answers. */
export interface IncidentAnswer {
  incident?: Incident;
  /** Whether every bot that is there tells of it already. */
  live: boolean;
}

export interface Incidents {
  incidents: Incident[];
  /** How many conversations would hear of another one at once. */
  open_conversations: number;
}

export interface AuditEntry {
  id: number;
  at: string;
  by: string;
  action: string;
  subject: string;
  why: string | null;
  data: unknown;
}
