"""How upset a customer's message reads: words and tone, read after the messages before it. See `head` for the model."""
