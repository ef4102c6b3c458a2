/** Which component shows which route. */
import type { Page } from "./page";
import { Activity } from "./pages/activity";
import { ArticleEditor } from "./pages/article_editor";
import { Articles } from "./pages/articles";
import { ChangesPage } from "./pages/changes";
import { Import } from "./pages/import";
import { IncidentsPage } from "./pages/incidents";
import { IntentEditor } from "./pages/intent_editor";
import { Intents } from "./pages/intents";
import { Overview } from "./pages/overview";
import { ReleaseReport } from "./pages/release";
import { Review } from "./pages/review";
import { ReviewGroup } from "./pages/review_group";
import { Settings } from "./pages/settings";
import { Training } from "./pages/training";
import { Try } from "./pages/try";
import type { Route } from "./router";

export function pageFor(route: Route): Page {
  switch (route.page) {
    case "overview":
      return Overview;
    case "articles":
      return route.id === null ? Articles : ArticleEditor;
    case "intents":
      return route.id === null ? Intents : IntentEditor;
    case "changes":
      return ChangesPage;
    case "incidents":
      return IncidentsPage;
    case "import":
      return Import;
    case "activity":
      return Activity;
    case "review":
      return route.id === null ? Review : ReviewGroup;
    case "try":
      return Try;
    case "training":
      return Training;
    case "releases":
      return ReleaseReport;
    case "settings":
      return Settings;
  }
}
