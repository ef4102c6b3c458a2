"""Rasa graph components: each unpacks a message, calls pure code and packs the result back."""
