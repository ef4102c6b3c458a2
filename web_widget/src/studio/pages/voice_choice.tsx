/** How Baton speaks: formally or casually, each with a sentence that it really says. */
import type { VNode } from "preact";
import { Button } from "../ui/button";
import { Badge } from "../ui/parts";
import { type Voice, VOICE_NAMES, VOICES } from "../voices";

interface Props {
  chosen: Voice;
  /** How customers are addressed now. */
  spoken: Voice;
  change: (voice: Voice) => void;
  use: () => void;
}

export function VoiceChoice({ chosen, spoken, change, use }: Props): VNode {
  return (
    <section aria-labelledby="voice-title">
      <h2 id="voice-title">How Baton speaks</h2>
      <p class="section-lead">In the words that are its own: greetings, questions, apologies. Your articles stay as you wrote them.</p>
      <div class="voices" role="radiogroup" aria-labelledby="voice-title">
        {VOICE_NAMES.map((voice) => (
          <label key={voice} class="voice">
            <input type="radio" name="voice" checked={voice === chosen} onChange={() => change(voice)} />
            <span>
              <span class="voice-name">
                {VOICES[voice].label}
                {voice === spoken && <Badge tone="good">Now</Badge>}
              </span>
              <q>{VOICES[voice].example}</q>
            </span>
          </label>
        ))}
      </div>
      <Button disabled={chosen === spoken} onClick={use}>
        Speak like this now…
      </Button>
    </section>
  );
}
