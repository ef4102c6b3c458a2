"""What Baton is measured against: configuration and components that a Rasa project of its own would have."""
