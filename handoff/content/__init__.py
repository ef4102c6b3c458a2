"""Articles and intents of a home: import, export, checks, and training them into releases."""
