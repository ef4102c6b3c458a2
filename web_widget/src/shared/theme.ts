/** Light, dark or as the system: one choice for all pages of the people who work here, kept with the console's settings. */

export type Theme = "auto" | "light" | "dark";

const KEY = "baton:console:settings";

function stored(): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(KEY) ?? "null");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // Forbidden or spoilt: the defaults serve.
  }
}

export function loadTheme(): Theme {
  const { theme } = stored();
  return theme === "light" || theme === "dark" ? theme : "auto";
}

export function showTheme(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
}

export function saveTheme(theme: Theme): void {
  showTheme(theme);
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...stored(), theme }));
  } catch {
    // Forbidden or full: it holds for this page only.
  }
}
