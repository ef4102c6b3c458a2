/** How Baton may speak, in an editor's words. Pure. */

export type Voice = "formal" | "casual";

export interface VoiceWords {
  label: string;
  /** Behind "Speak". */
  says: string;
  /** What the bot really says in this voice, see `bot/texts/en.yml`. */
  example: string;
}

export const VOICES: Readonly<Record<Voice, VoiceWords>> = {
  casual: {
    label: "Casual",
    says: "casually",
    example: "Sorry, I don't have a good answer to that. Could you put it another way? Or I can get a person for you.",
  },
  formal: {
    label: "Formal",
    says: "formally",
    example: "I am sorry, I do not have a reliable answer to that. Could you put it in other words? Or I can connect you with a colleague.",
  },
};

export const VOICE_NAMES: readonly Voice[] = ["casual", "formal"];

export function voiceOf(value: unknown): Voice | null {
  return VOICE_NAMES.find((voice) => voice === value) ?? null;
}
