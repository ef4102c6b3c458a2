/** The demo page's suggestions: they open the chat with their words filled in, unsent. */
import "../widget/options";

for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-ask]")) {
  button.addEventListener("click", () => window.Baton?.open(button.dataset.ask));
}
