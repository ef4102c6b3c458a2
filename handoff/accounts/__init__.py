"""People who work with Baton: who they are, how they prove it, what they may do."""
