/** Tells an agent who looks elsewhere that somebody waits. */

let audio: AudioContext | null = null;

/** Browsers allow sound only after a click: call this from one. */
export function armSound(): void {
  audio ??= new AudioContext();
  void audio.resume();
}

/** Two short soft tones. */
export function chime(): void {
  if (audio?.state !== "running") return;
  const start = audio.currentTime;
  [
    [659, 0],
    [880, 0.14],
  ].forEach(([hertz = 0, after = 0]) => {
    if (audio === null) return;
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = hertz;
    volume.gain.setValueAtTime(0, start + after);
    volume.gain.linearRampToValueAtTime(0.12, start + after + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.001, start + after + 0.35);
    tone.connect(volume).connect(audio.destination);
    tone.start(start + after);
    tone.stop(start + after + 0.4);
  });
}

export async function allowDesktop(): Promise<boolean> {
  return "Notification" in window && (await Notification.requestPermission()) === "granted";
}

export function desktopNotice(title: string, body: string, open: () => void): void {
  if (!("Notification" in window) || Notification.permission !== "granted" || document.hasFocus()) return;
  const notice = new Notification(title, { body, tag: "baton-waiting" });
  notice.onclick = () => {
    window.focus();
    open();
    notice.close();
  };
}
